"""`benchmark-qa alerts`: call a webhook about annotators who have fallen below a bar."""

from typing import Annotated

import typer

from benchmark_qa.terminal.failures import UNAVAILABLE, USAGE_ERROR, clear_failures
from benchmark_qa.terminal.options import JsonOption
from benchmark_qa.terminal.printing import tell_done


def alerts(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the rules say now, and send nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Hold the rules of 'alerts' against the current verdicts, and send each change once to ALERT_WEBHOOK_URL.

    Meant to run on a schedule. Each call is signed with ALERT_WEBHOOK_SECRET. Exit code 0, 2 for faulty settings,
    3 when the database or the webhook cannot be used; what was not sent is sent next time.
    """
    with clear_failures():
        from benchmark_qa.alerts.alerts import SignedWebhook, WebhookFailed, fire_alerts, states_of, verdicts_by_rule
        from benchmark_qa.terminal.opening import open_scores

        scores = open_scores()
        settings = scores.settings
        if dry_run:
            lines = []
            for rule, verdicts in verdicts_by_rule(scores.store, settings.config).items():
                states = states_of(verdicts)
                for annotator, person in verdicts.people.items():
                    state = states.get(annotator, "as before")
                    lines.append({"rule": rule, "annotator": annotator, "state": state, "verdict": person.words})
                    if not json:
                        typer.echo(f"{rule}: {annotator} {state} ({person.explain()})")
            said = f"{len(lines):,} states, nothing was sent"
            if not settings.config.alerts:
                said = "'alerts' in the configuration has no rule"
            tell_done(said, {"sent": 0, "states": lines}, as_json=json)
            return
        if settings.alert_webhook_url is None or settings.alert_webhook_secret is None:
            typer.echo("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET are needed to send alerts", err=True)
            raise typer.Exit(USAGE_ERROR)
        webhook = SignedWebhook(settings.alert_webhook_url, settings.alert_webhook_secret.get_secret_value())
        try:
            sent = fire_alerts(scores.store, settings.config, webhook.send)
        except WebhookFailed as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(UNAVAILABLE) from None
        tell_done(f"{len(sent)} alerts sent", {"sent": len(sent), "states": []}, as_json=json)
