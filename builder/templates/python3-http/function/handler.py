def handle(event, context):
    return {"statusCode": 200, "body": {"method": event.method, "path": event.path}}
