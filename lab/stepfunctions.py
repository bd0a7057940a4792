"""Step Functions: moto's interpreter of state machines, mended where it is not like AWS.

moto 5.2.5 carries an older copy of LocalStack's interpreter. The language itself (paths, Choice,
Map, intrinsic functions, ResultPath) is moto's and untouched. What is replaced here is what our
line depends on and moto gets wrong; each mend says what that is, and tests/emulator/ has a test of
each. All of them are put in place by `StepFunctions.installed()` and taken out again after it.

Three ideas carry most of the mends:

- `History` replaces moto's list of events. A frame (a task's attempt, a Map's iteration) writes
  through a `Branch` of it; closing the branch silences whatever still runs in that frame.
- The first end of an execution stands: what fails later, because of that end, changes nothing.
- Everything that waits looks every `POLL_SECONDS` whether its execution still runs.

Not like AWS: JSONata, variables, distributed Map, express machines, logging and tracing are as good
or bad as moto's; a redrive does not exist.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import (
    ExecutionFailedEventDetails,
    ExecutionStatus,
    HistoryEventType,
    InvalidDefinition,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    iteration_worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import (
    StateTaskLambda,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramRunning,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import (
    StepFunctionsParserBackend,
    stepfunctions_parser_backends,
)
from moto.stepfunctions.responses import StepFunctionResponse

from lab import definition as definitions
from lab.aws import Invocation
from lab.calls import Refusal

EVENT_LIMIT = 25_000
"""Events of an execution's history; AWS fails the execution that would write one more."""

POLL_SECONDS = 0.05
"""How late a thread that waits may notice that its execution was stopped."""

STOP_SECONDS = 5.0
"""How long StopExecution waits for the execution to have begun, and then to have ended."""

NOT_IN_ALL = ("States.DataLimitExceeded", "States.Runtime")
"""The errors that `States.ALL` does not match: they end the execution, Catch or not."""


Invoke = Callable[[str, str, bytes], Invocation]
"""The role that invokes, the name or ARN of the function, the payload."""


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute of a class or module replaced, until the block ends."""
    original = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def rfc3339(moment: datetime) -> str:
    """A time as the context object shows it.

    >>> rfc3339(datetime(2026, 11, 23, 5, tzinfo=UTC))
    '2026-11-23T05:00:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class History:
    """The events of one execution, in the order they happened.

    In the place of moto's EventManager, which has no limit, no pages, and goes on after the end.
    """

    def __init__(self, on_full: Callable[[], None]) -> None:
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._on_full = on_full
        self._full = False
        self._ended = False

    def add_event(
        self,
        context: Any,
        event_type: HistoryEventType,
        event_details: dict[str, Any] | None = None,
        timestamp: datetime | None = None,
        update_source_event_id: bool = True,
    ) -> int:
        """Write an event down; its id. The last place is kept for the event of the end."""
        with self._lock:
            last = event_type in ENDS
            if self._ended or (self._full and not last):
                return len(self._events)
            self._ended = last
            event_id = len(self._events) + 1
            previous = context.source_event_id
            context.last_published_event_id = event_id
            if update_source_event_id:
                context.source_event_id = event_id
            event = {**copy.deepcopy(event_details or {})}
            event |= {"id": event_id, "previousEventId": previous, "type": event_type}
            self._events.append(event | {"timestamp": timestamp or datetime.now(UTC)})
            overflows = event_id == EVENT_LIMIT - 1 and not last
            self._full = self._full or overflows
        if overflows:
            self._on_full()
        return event_id

    def branch(self) -> Branch:
        """A way to write to this history that can be closed."""
        return Branch(self)

    def page(self, start: int, size: int, *, newest_first: bool) -> list[dict[str, Any]]:
        """At most `size` events, after the first `start`."""
        with self._lock:
            if newest_first:
                return self._events[::-1][start : start + size]
            return self._events[start : start + size]

    def get_event_history(self) -> list[dict[str, Any]]:
        """All events (moto's own name for it)."""
        return self.page(0, EVENT_LIMIT, newest_first=False)

    def __len__(self) -> int:
        return len(self._events)


ENDS = frozenset(
    {
        HistoryEventType.ExecutionSucceeded,
        HistoryEventType.ExecutionFailed,
        HistoryEventType.ExecutionAborted,
        HistoryEventType.ExecutionTimedOut,
    }
)


class Branch:
    """The history as one frame writes it: until the frame is over, and no longer."""

    def __init__(self, stem: History | Branch) -> None:
        self._stem = stem
        self.closed = False

    def add_event(self, context: Any, *arguments: Any, **options: Any) -> int:
        """Write an event down, unless this branch or one that it grows from is closed."""
        if self.closed:
            return int(context.last_published_event_id)
        return self._stem.add_event(context, *arguments, **options)

    def branch(self) -> Branch:
        """A branch of this branch."""
        return Branch(self)


class StepFunctions:
    """The mends, bound to what they need: the factor of time, and who runs functions."""

    def __init__(self, *, time_factor: float, invoke: Invoke) -> None:
        self.time_factor = time_factor
        self._invoke_function = invoke
        self._starting = threading.Lock()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """moto's interpreter, mended until the block ends."""
        with ExitStack() as stack:
            for owner, name, mend in self._mends():
                stack.enter_context(replaced(owner, name, mend))
            yield

    def _mends(self) -> list[tuple[Any, str, Any]]:
        return [
            (StepFunctionsParserBackend, "create_state_machine", self._create_state_machine()),
            (StepFunctionsParserBackend, "_validate_definition", staticmethod(validate)),
            (StepFunctionsParserBackend, "start_execution", self._start_execution()),
            (StepFunctionResponse, "stop_execution", stop_execution),
            (StepFunctionResponse, "get_execution_history", get_execution_history),
            (
                StepFunctionResponse,
                "describe_state_machine_for_execution",
                describe_state_machine_for_execution,
            ),
            (Execution, "get_start_execution_details", start_details()),
            (ExecutionWorker, "start", start_worker()),
            (ExecutionWorker, "_get_evaluation_environment", worker_environment()),
            (BaseExecutionWorkerCommunication, "_reflect_execution_status", reflect_end),
            (Environment, "as_inner_frame_of", inner_frame()),
            (Environment, "set_error", first_end_stands("set_error")),
            (Environment, "set_timed_out", first_end_stands("set_timed_out")),
            (state_module, "StateData", state_data()),
            (ErrorEqualsDecl, "_eval_body", matches_error),
            (iteration_worker, "CustomErrorName", error_name),
            (ExecutionState, "_evaluate_with_timeout", evaluate_with_timeout),
            (StateTaskLambda, "_from_error", lambda_error()),
            (lambda_eval_utils, "_invoke_lambda_function", self._invoke_lambda),
            (RetrierDecl, "_eval_body", self._retry()),
            (WaitFunction, "_wait_interval", self._wait()),
            (Timestamp, "_get_wait_seconds", seconds_until_timestamp),
            (EvalComponent, "_log_failure_event_exception", say_nothing),
            (EvalComponent, "_log_exception", say_nothing),
        ]

    def _create_state_machine(self) -> Any:
        """moto answers with the existing machine also when the definition is another one."""
        original = StepFunctionsParserBackend.create_state_machine

        def create_state_machine(
            backend: Any, name: str, definition: str, *arguments: Any, **options: Any
        ) -> Any:
            machine = original(backend, name, definition, *arguments, **options)
            if machine.definition != definition:
                raise AWSError(
                    f"State Machine Already Exists: '{machine.arn}'", "StateMachineAlreadyExists"
                )
            return machine

        return create_state_machine

    def _start_execution(self) -> Any:
        """moto names an unnamed execution `None`, lets two at once have the same name, and has no
        code for the error that the input is not JSON.
        """
        original = StepFunctionsParserBackend.start_execution

        def start_execution(
            backend: Any, arn: str, name: str | None = None, execution_input: str = "{}"
        ) -> Any:
            if name:
                backend._validate_name(name)
            try:
                json.loads(execution_input)
            except ValueError as error:
                raise AWSError(
                    f"Invalid State Machine Execution Input: '{error}'", "InvalidExecutionInput"
                ) from error
            with self._starting:
                return original(backend, arn, name or str(uuid.uuid4()), execution_input)

        return start_execution

    def _invoke_lambda(
        self, parameters: dict[str, Any], region: str, state_credentials: Any
    ) -> dict[str, Any]:
        """moto sends an HTTP request to port 5000, for a function it would run in Docker."""
        del region
        function, payload = parameters["FunctionName"], parameters.get("Payload") or b"{}"
        try:
            answer = self._invoke_function(state_credentials.role_arn, function, payload)
        except Refusal as refusal:
            error = {"errorType": f"Lambda.{refusal.code}", "errorMessage": refusal.message}
            answer = Invocation(json.dumps(error).encode(), error=True)
        response = {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": json.loads(answer.payload or b"null"),
        }
        return response | ({"FunctionError": "Unhandled"} if answer.error else {})

    def _retry(self) -> Any:
        """moto sleeps through a StopExecution."""

        def retry(retrier: Any, env: Any) -> None:
            retrier.error_equals.eval(env)
            if not env.stack.pop():
                env.stack.append(RetrierOutcome.Skipped)
                return
            retrier.max_attempts.eval(env=env)
            if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
                env.stack.append(RetrierOutcome.Failed)
                return
            for part in ("interval_seconds", "backoff_rate", "max_delay_seconds"):
                getattr(retrier, part).eval(env=env)
            retrier.jitter_strategy.eval(env=env)
            self._sleep(env, env.stack.pop())
            env.stack.append(RetrierOutcome.Executed)

        return retry

    def _wait(self) -> Any:
        """moto counts in whole seconds, and can miss a StopExecution."""

        def wait(function: Any, env: Any, wait_seconds: float) -> None:
            del function
            self._sleep(env, wait_seconds)

        return wait

    def _sleep(self, env: Any, seconds: float) -> None:
        """Sleep the scaled time, or until the execution no longer runs."""
        end = time.monotonic() + seconds * self.time_factor
        while env.is_running() and (left := end - time.monotonic()) > 0:
            env.program_state_event.wait(min(left, POLL_SECONDS))


def running_executions() -> list[Any]:
    """Every execution of every machine that has not ended."""
    return [
        execution
        for _, _, backend in stepfunctions_parser_backends.iter_backends()
        for execution in backend._get_executions(ExecutionStatus.RUNNING)
    ]


def abort(execution: Any, *, error: str | None = None, cause: str | None = None) -> None:
    """End an execution, if it runs, and wait until it has ended.

    moto drops error and cause, and overlooks a stop that comes before the first state.
    """
    deadline = time.monotonic() + STOP_SECONDS
    env = execution.exec_worker.env
    while env.program_state() is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 10)
    if execution.exec_status == ExecutionStatus.RUNNING:
        env.set_stop(stop_date=datetime.now(UTC), error=error, cause=cause)
    while execution.exec_status == ExecutionStatus.RUNNING and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 10)


def stop_execution(response: Any) -> Any:
    """StopExecution: moto ignores its error and cause, and answers before the end."""
    arn = response._get_param("executionArn")
    execution = response.stepfunction_backend.describe_execution(arn)
    abort(execution, error=response._get_param("error"), cause=response._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def get_execution_history(response: Any) -> Any:
    """GetExecutionHistory: moto has neither pages nor an order."""
    arn = response._get_param("executionArn")
    token = response._get_param("nextToken") or "0"
    if not token.isdecimal():
        raise AWSError(f"Invalid Token: '{token}'", "InvalidToken")
    execution = response.stepfunction_backend.describe_execution(arn)
    history: History = execution.exec_worker.env.event_manager
    start, size = int(token), int(response._get_param("maxResults") or 100)
    newest_first = bool(response._get_param("reverseOrder"))
    events = history.page(start, size, newest_first=newest_first)
    more = start + len(events) < len(history)
    return ActionResult(
        {"events": events} | ({"nextToken": str(start + len(events))} if more else {})
    )


def describe_state_machine_for_execution(response: Any) -> Any:
    """DescribeStateMachineForExecution: moto answers what the machine has become since."""
    arn = response._get_param("executionArn")
    machine = response.stepfunction_backend.describe_execution(arn).state_machine
    return ActionResult(
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": machine.roleArn,
            "updateDate": machine.creation_date,
        }
    )


def validate(definition: str) -> None:
    """moto looks at the grammar only, at creation as at an update; its errors have no code."""
    found = definitions.problems(definition)
    if not found:
        try:
            moto_parses(definition)
        except InvalidDefinition as error:
            found = [error.message]
    if found:
        raise AWSError(f"Invalid State Machine Definition: {'; '.join(found)}", "InvalidDefinition")


moto_parses = StepFunctionsParserBackend._validate_definition


def start_details() -> Any:
    """moto puts a datetime into `$$.Execution.StartTime`: DescribeExecution then fails."""
    original = Execution.get_start_execution_details

    def get_start_execution_details(execution: Any) -> Any:
        details = original(execution)
        details.start_time = rfc3339(execution.start_date)
        return details

    return get_start_execution_details


def state_data() -> Any:
    """moto writes `$$.State.EnteredTime` with microseconds and +00:00."""
    original = state_module.StateData

    def entered(**facts: Any) -> Any:
        moment = datetime.fromisoformat(facts.pop("EnteredTime"))
        return original(EnteredTime=rfc3339(moment), **facts)

    return entered


def start_worker() -> Any:
    """moto makes the environment in the new thread: a stop or a look before that fails."""
    original = ExecutionWorker.start

    def start(worker: Any) -> None:
        worker._get_evaluation_environment()
        original(worker)

    return start


def worker_environment() -> Any:
    """The environment of an execution, made once, that writes to a `History`."""
    original = ExecutionWorker._get_evaluation_environment

    def environment(worker: Any) -> Any:
        if worker.env is None:
            env = original(worker)
            limit = f"the maximum number of history events ({EVENT_LIMIT})"
            full = ExecutionFailedEventDetails(
                error="States.Runtime", cause=f"The execution reached {limit}."
            )
            env.event_manager = History(on_full=lambda: env.set_error(full))
            worker.env = env
        return worker.env

    return environment


def reflect_end(communication: Any) -> None:
    """The end of an execution, as DescribeExecution shows it.

    moto sets the status first, so that a reader may see SUCCEEDED without output; it forgets the
    error and cause of a stop, and returns an output that is a string without its quotes. An
    execution stopped before its first state, or past its time, has no last event yet.
    """
    execution = communication.execution
    env = execution.exec_worker.env
    state = env.program_state()
    execution.stop_date = datetime.now(UTC)

    def last_event(event_type: HistoryEventType, **details: Any) -> None:
        env.event_manager.add_event(env.event_history_context, event_type, details)

    match state:
        case ProgramEnded():
            status = ExecutionStatus.SUCCEEDED
            execution.output = to_json_str(env.states.get_input(), separators=(",", ":"))
        case ProgramStopped():
            status = ExecutionStatus.ABORTED
            execution.error, execution.cause = state.error, state.cause
            why = {"error": state.error, "cause": state.cause}
            last_event(HistoryEventType.ExecutionAborted, executionAbortedEventDetails=why)
        case ProgramError():
            status = ExecutionStatus.FAILED
            details = state.error or {}
            execution.error, execution.cause = details.get("error"), details.get("cause")
        case ProgramTimedOut():
            status = ExecutionStatus.TIMED_OUT
            last_event(HistoryEventType.ExecutionTimedOut, executionTimedOutEventDetails={})
        case _:
            raise RuntimeError(f"the execution ended as {state!r}")
    execution.exec_status = status


def inner_frame() -> Any:
    """A frame writes to a branch of the history, and keeps `$$.Map`, which moto drops."""
    original = Environment.as_inner_frame_of.__func__

    def as_inner_frame_of(cls: Any, env: Any, *arguments: Any, **options: Any) -> Any:
        frame = original(cls, env, *arguments, **options)
        frame.event_manager = env.event_manager.branch()
        outer = env.states.context_object.context_object_data
        if "Map" in outer:
            frame.states.context_object.context_object_data["Map"] = outer["Map"]
        return frame

    return classmethod(as_inner_frame_of)


def first_end_stands(name: str) -> Any:
    """moto lets an error that a stop has caused turn the stop into a failure."""
    original = getattr(Environment, name)

    def end(env: Any, *arguments: Any, **options: Any) -> None:
        with env._state_mutex:
            if isinstance(env._program_state, ProgramRunning):
                original(env, *arguments, **options)

    return end


def matches_error(declaration: Any, env: Any) -> None:
    """moto's `States.ALL` catches what AWS says it does not, and `States.TaskFailed` too little."""
    name = env.stack.pop().error_name
    listed = [error.error_name for error in declaration.error_names]
    env.stack.append(
        name in listed
        or ("States.ALL" in listed and name not in NOT_IN_ALL)
        or ("States.TaskFailed" in listed and name not in (*NOT_IN_ALL, "States.Timeout"))
    )


def error_name(error_name: str) -> Any:
    """The error of a Map's iteration; moto chokes on those that begin with `States.`."""
    if error_name.startswith("States."):
        return StatesErrorName.from_name(error_name)
    return CustomErrorName(error_name)


def evaluate_with_timeout(state: Any, env: Any) -> None:
    """One attempt at a state that does work, in a thread and a frame of its own.

    moto's ends neither at a StopExecution nor, for what it leaves behind, at a timeout: the
    abandoned attempt, or the other iterations of a failed Map, write on to the history.
    """
    state.timeout.eval(env=env)
    deadline = time.monotonic() + env.stack.pop()
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    errors: list[Exception] = []
    over = threading.Event()

    def attempt() -> None:
        try:
            state._eval_execution(frame)
        except Exception as error:  # handed to the thread that waits for it
            errors.append(error)
        over.set()

    threading.Thread(target=attempt, daemon=True).start()
    while env.is_running() and (left := deadline - time.monotonic()) > 0:
        if over.wait(min(left, POLL_SECONDS)):
            break
    in_time = over.is_set()
    frame.event_manager.closed = True
    frame.set_ended()
    env.close_frame(frame)
    if not env.is_running():
        return
    if not in_time:
        raise EvalTimeoutError
    if errors:
        raise errors[0]
    _take_result(state, env, frame.stack[-1])


def _take_result(state: Any, env: Any, result: Any) -> None:
    """What follows an attempt that went well: as in moto."""
    env.stack.append(result)
    if not state._is_language_query_jsonpath():
        env.states.set_result(result)
    if state.assign_decl:
        state.assign_decl.eval(env=env)
    if state.result_selector:
        state.result_selector.eval(env=env)
    if state.result_path:
        state.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def lambda_error() -> Any:
    """moto calls every error of a Lambda state States.TaskFailed, also one that no task raised."""
    original = StateTaskLambda._from_error
    of_a_task = (
        TimeoutError,
        FailureEventException,
        lambda_eval_utils.LambdaFunctionErrorException,
    )

    def from_error(state: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, of_a_task):
            return original(state, env, ex)
        return ExecutionState._from_error(state, env, ex)

    return from_error


def seconds_until_timestamp(wait: Any, env: Any) -> float:
    """moto compares the timestamp, which is UTC, with the local time of this machine."""
    wait.string.eval(env=env)
    text = env.stack.pop()
    if wait._from_timestamp_string(text) is None:
        raise FailureEventException(wait._create_failure_event(env, text))
    return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()


def say_nothing(component: Any, *_arguments: Any, **_options: Any) -> None:
    """moto logs every failing state, at each level of nesting, with all of its definition."""
    del component
