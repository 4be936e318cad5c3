def handle(event, context):
    """event: body (bytes), headers, method, path, query. Return a dict like this one, or just the body."""
    return {
        "statusCode": 200,
        "body": {"method": event.method, "path": event.path, "body": event.body.decode()},
    }
