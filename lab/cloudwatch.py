"""The metrics of a lab: what CloudWatch would hold of it.

As in AWS, a function's own metrics are lines of its log in the embedded metric format; those of
Lambda, Step Functions and SQS are counted by the services. Nothing is delayed, and nothing expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from lab import aws
from lab.aws import Invocation
from lab.emulator import Emulator
from lab.lambdas import Functions
from lab.series import Metric, Points

Datum = tuple[Metric, datetime, float]

_ENDS = {
    "ABORTED": "ExecutionsAborted",
    "FAILED": "ExecutionsFailed",
    "SUCCEEDED": "ExecutionsSucceeded",
    "TIMED_OUT": "ExecutionsTimedOut",
}


class CloudWatch:
    """The metrics of an emulator and its functions, whose calls are counted since it `began`."""

    def __init__(self, emulator: Emulator, functions: Functions) -> None:
        self._emulator = emulator
        self._functions = functions
        self.began = datetime.now(UTC)
        self._counted: list[Datum] = []
        emulator.invoke = self._counting(emulator.invoke)

    def points(self) -> Points:
        """All datapoints there are at this moment."""
        points = Points()
        for datum in (*self._of_logs(), *self._counted, *self._of_machines(), *self._of_queues()):
            points.add(*datum)
        return points

    def _counting(self, invoke: Callable[[str, bytes], Invocation]) -> Any:
        def counted(name: str, payload: bytes) -> Invocation:
            began = datetime.now(UTC)
            answer = invoke(name, payload)
            of = {"FunctionName": aws.function_name(name)}
            for metric, value in (("Invocations", 1.0), ("Errors", float(answer.error))):
                self._counted.append((Metric.of("AWS/Lambda", metric, of), began, value))
            return answer

        return counted

    def _of_logs(self) -> Iterator[Datum]:
        for name in self._functions.names():
            for line in self._functions.logs(name):
                yield from embedded(line)

    def _of_machines(self) -> Iterator[Datum]:
        states = self._emulator.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            arn = machine["stateMachineArn"]
            for execution in states.list_executions(stateMachineArn=arn)["executions"]:
                of = {"StateMachineArn": arn}
                started = Metric.of("AWS/States", "ExecutionsStarted", of)
                yield started, execution["startDate"].astimezone(UTC), 1.0
                if execution["status"] in _ENDS:
                    ended = execution["stopDate"].astimezone(UTC)
                    yield Metric.of("AWS/States", _ENDS[execution["status"]], of), ended, 1.0

    def _of_queues(self) -> Iterator[Datum]:
        queues = self._emulator.client("sqs")
        for url in queues.list_queues().get("QueueUrls", []):
            asked = ["ApproximateNumberOfMessages"]
            answer = queues.get_queue_attributes(QueueUrl=url, AttributeNames=asked)
            of = {"QueueName": url.rpartition("/")[2]}
            visible = Metric.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", of)
            yield visible, datetime.now(UTC), float(answer["Attributes"][asked[0]])


def embedded(line: str) -> Iterator[Datum]:
    """The datapoints of a line of a log, if it is one in the embedded metric format.

    >>> line = ('{"_aws": {"Timestamp": 60000, "CloudWatchMetrics": [{"Namespace": "N",'
    ...         ' "Dimensions": [["Drill"]], "Metrics": [{"Name": "Lag", "Unit": "Seconds"}]}]},'
    ...         ' "Drill": "a", "Lag": [3.0]}')
    >>> [(metric.told, value) for metric, _, value in embedded(line)]
    [('Lag of Drill a', 3.0)]
    >>> list(embedded("START RequestId: 1 Version: $LATEST")), list(embedded('{"level": "INFO"}'))
    ([], [])
    """
    if '"CloudWatchMetrics"' not in line:
        return
    try:
        told = json.loads(line)
    except ValueError:
        return
    at = datetime.fromtimestamp(told["_aws"]["Timestamp"] / 1000, UTC)
    for directive in told["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"] or [[]]:
            dimensions = {name: str(told[name]) for name in names}
            for metric in directive["Metrics"]:
                named = Metric.of(directive["Namespace"], metric["Name"], dimensions)
                values = told[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield named, at, float(value)
