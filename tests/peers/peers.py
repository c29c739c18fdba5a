"""Answers questions about signatures with the vendors' own SDKs: one JSON object a line in, one a line out.

Started by tests/src/harness/peers.rs. It must not know Dispatch: what it says is what Slack's and Twilio's users
get, and whoever receives webhooks.
"""

import functools
import json
import logging
import re
import sys
from urllib.parse import parse_qsl

from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from twilio.request_validator import RequestValidator, get_signature_algorithm

logging.disable(logging.CRITICAL)


class FixedClock:
    def __init__(self, now):
        self.fixed = now

    def now(self):
        return self.fixed


class Form(dict):
    """A form with repeated keys, as Django hands it to the validator."""

    def __init__(self, body):
        super().__init__()
        for key, value in parse_qsl(body, keep_blank_values=True):
            self.setdefault(key, []).append(value)

    def getlist(self, key):
        return self[key]


def slack_sign(secret, timestamp, body):
    return SignatureVerifier(secret).generate_signature(timestamp=str(timestamp), body=body)


def slack_verify(secret, now, headers, body):
    return SignatureVerifier(secret, FixedClock(now)).is_valid_request(body, headers)


@functools.cache
def bolt_app(secret):
    def authorize():
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_user_id="UBOT", bot_id="BBOT", bot_token="xoxb-1")

    app = App(signing_secret=secret, authorize=authorize, process_before_response=True)
    app.event(re.compile(".*"))(lambda: None)
    app.action(re.compile("^dispatch_"))(lambda ack: ack())
    return app


def bolt(secret, headers, body):
    """What a Slack app built on Bolt answers to the same request."""
    answer = bolt_app(secret).dispatch(BoltRequest(body=body, headers=headers))
    return {"status": answer.status, "body": answer.body}


def twilio_sign(token, url, form, settings=None):
    return RequestValidator(token).compute_signature(url, Form(form), get_signature_algorithm(settings))


def twilio_verify(token, url, signature, form=None, json_body=None, settings=None):
    params = Form(form) if json_body is None else json_body
    return RequestValidator(token).validate(url, params, signature, get_signature_algorithm(settings))


def webhook_verify(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except WebhookVerificationError as error:
        return str(error)
    return None


ANSWERS = {f.__name__: f for f in (slack_sign, slack_verify, bolt, twilio_sign, twilio_verify, webhook_verify)}

for line in sys.stdin:
    question = json.loads(line)
    answer = ANSWERS[question.pop("ask")](**question)
    print(json.dumps(answer), flush=True)
