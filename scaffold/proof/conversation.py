"""One conversation with a server over stdio: list, call, end of input; every line that came back is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from scaffold.proof import samples, servers
from scaffold.proof.wire import CLIENT, Era, Message, as_message, modern_params, parse
from scaffold.rendered.proof_settings import GivenCall

EXIT_SECONDS = 30.0


@dataclass
class Conversation:
    """What was asked and answered, by the method asked for."""

    era: Era
    replies: dict[str, Message] = field(default_factory=dict)
    sample: samples.Call | None = None
    stray_lines: list[str] = field(default_factory=list)
    exit_status: int | None = None
    trouble: str = ""
    log: str = ""

    def result(self, method: str) -> Message:
        """The result of a method, empty when there was an error or no answer."""
        result = self.replies.get(method, {}).get("result")
        return result if isinstance(result, dict) else {}


def hold(launcher: servers.Launcher, era: Era, given: GivenCall | None = None) -> Conversation:
    """Start the server over stdio, speak to it in one era, close its input, and return what was said.

    It is asked for the given call, or else for one of a tool that only reads.
    """
    conversation = Conversation(era)
    with launcher.piped() as server:
        try:
            _speak(_Speaker(server, conversation), given)
        except LookupError as error:
            conversation.trouble = str(error)
        except TimeoutError:
            conversation.trouble = "no answer in time"
        except EOFError:
            conversation.trouble = f"it ended with status {server.process.wait()} instead of answering"
        conversation.exit_status = server.end_input(EXIT_SECONDS)
        conversation.stray_lines = [text for text in map(_decoded, server.lines) if not is_protocol(text)]
        conversation.log = server.log
    return conversation


def _speak(speaker: _Speaker, given: GivenCall | None) -> None:
    if speaker.era is Era.LEGACY:
        opening = {"protocolVersion": str(Era.LEGACY), "capabilities": {}, "clientInfo": CLIENT}
        speaker.ask("initialize", opening)
        speaker.server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    else:
        speaker.ask("server/discover", {})
    tools = speaker.ask("tools/list", {}).get("result", {}).get("tools", [])
    sample = speaker.conversation.sample = samples.choose(tools, given)
    if sample is not None:
        speaker.ask("tools/call", {"name": sample.name, "arguments": dict(sample.arguments)})


class _Speaker:
    def __init__(self, server: servers.StdioServer, conversation: Conversation) -> None:
        self.server = server
        self.conversation = conversation
        self.era = conversation.era
        self._last_id = 0

    def ask(self, method: str, params: Message) -> Message:
        """Send a request and read lines until its answer comes."""
        self._last_id += 1
        sent = modern_params(params) if self.era is Era.MODERN else params
        self.server.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": sent})
        deadline = time.monotonic() + servers.READY_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            line = self.server.receive(left)
            if line is None:
                raise EOFError
            message = as_message(parse(line))
            if message.get("id") == self._last_id:
                self.conversation.replies[method] = message
                return message
        raise TimeoutError


def is_protocol(line: str) -> bool:
    """Whether a line is one JSON-RPC message and nothing else."""
    return as_message(parse(line)).get("jsonrpc") == "2.0"


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace")
