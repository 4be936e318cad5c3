"""POST Markdown, get HTML that is safe to show: scripts, styles and event handlers are taken out."""

import mistune
import nh3

# HTML in the text is let through here, because nh3 keeps what is harmless of it.
render = mistune.create_markdown(escape=False, plugins=["strikethrough", "table", "task_lists", "url"])

WELCOME = "# Markdown\n\nPost **Markdown**, get *HTML*.\n\n| in | out |\n|---|---|\n| `text/markdown` | `text/html` |\n"


def handle(event, context):
    text = event.body.decode("utf-8", errors="replace") if event.body else WELCOME
    html = nh3.clean(render(text))
    print(f"Turned {len(text)} characters of Markdown into {len(html)} of HTML.")
    return {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "body": html}
