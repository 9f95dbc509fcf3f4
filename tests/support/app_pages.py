"""Pages without a browser, by Streamlit's AppTest: opened by a link, pressed, read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.runs.snapshots import RunSnapshot
from gan_core.serving.jobs import Job
from pages.components import server

ROOT = Path(__file__).parents[2]
HOME = ROOT / "streamlit_app.py"
PAGES = CHALLENGES
QUICK = {"dataset": "ring", "steps": "150", "batch_size": "16"}
PATIENCE = 120.0  # seconds; generous, since the machine may be busy


def opened(name: str, **query: str) -> AppTest:
    """The page of challenge `name`, opened by a link with `query`."""
    app = AppTest.from_file(HOME, default_timeout=60)
    for field, value in query.items():
        app.query_params[field] = value
    if PAGES[name].page != "streamlit_app.py":
        app.switch_page(PAGES[name].page)
    return app.run()


def opened_tool(name: str, **query: str) -> AppTest:
    """The page of tool `name`, opened by a link with `query`."""
    app = AppTest.from_file(HOME, default_timeout=60)
    for field, value in query.items():
        app.query_params[field] = value
    app.switch_page(f"pages/{name}.py")
    return app.run()


def button(app: AppTest, label: str):
    """The first button called `label`; "Train" is called otherwise where its run is there."""
    labels = (label, "Train it yourself") if label == "Train" else (label,)
    return next(one for one in app.button if one.label in labels)


def words(app: AppTest) -> str:
    """Everything the page says, the viewer before it has heard of the live channel included."""
    return "\n".join([markdown(app), *_texts([viewer(app, "status"), viewer(app, "runs")])])


def markdown(app: AppTest) -> str:
    """What the page says outside its viewer, as Markdown."""
    kinds = (app.markdown, app.info, app.success, app.warning, app.error, app.caption)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def viewer(app: AppTest, part: str) -> dict[str, Any]:
    """What a part of the page's viewer is told, "status" or "runs"; {} on a page without one."""
    told = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return next((data for data in told if data["part"] == part), {})


def _texts(content: Any) -> list[str]:
    """All strings in what JSON can hold."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        return [text for each in content for text in _texts(each)]
    return [content] if isinstance(content, str) else []


def progress(app: AppTest) -> str:
    """How far the run on the left is, in words."""
    return viewer(app, "status")["first"]["words"]


def seconds_left() -> dict[str, float]:
    """Of each job in the queue, how long its longest lease lasts."""
    return {name: max(job.leases.values(), default=0.0) - time.monotonic()
            for name, job in jobs().items()}


def wait_until(app: AppTest, condition: Callable[[], bool]) -> None:
    """Refresh the page until `condition()`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, (server.queue().pool(), progress(app))
        time.sleep(0.05)
        app.run()
        assert not app.exception


def shown(app: AppTest, name: str) -> RunConfig:
    """The run on the left of the page `name`."""
    return app.session_state[f"{name}/state"].shown


def wait_for_run(app: AppTest, config: RunConfig, condition: Callable[[RunSnapshot], bool]) -> None:
    """Refresh the page until `condition` holds of the run of `config`."""
    wait_until(app, lambda: condition(server.queue().snapshot(config.digest())))


def train(app: AppTest, name: str) -> RunConfig:
    """Press Train on the page `name`; the run that it shows then."""
    button(app, "Train").click().run()
    assert not app.exception
    return shown(app, name)


def finished(snapshot: RunSnapshot) -> bool:
    return snapshot.status.state == "finished"


def address_of(app: AppTest) -> dict[str, str]:
    """What the address bar of the page says."""
    return {field: value[0] if isinstance(value, list) else value
            for field, value in app.query_params.items()}


def said_in_error(app: AppTest) -> str:
    """All error messages, without Markdown's backslashes."""
    return "".join(error.value for error in app.error).replace("\\", "")


def slider_values(app: AppTest, name: str) -> RunConfig:
    """The settings at which the widgets of the page `name` stand, folded away or not."""
    return RunConfig(**app.session_state[f"{name}/settings"])


def unfold(app: AppTest, name: str) -> AppTest:
    """Open *More settings* on the page `name`."""
    app.session_state[f"{name}/more"] = True
    return app.run()


def open_sections(app: AppTest, name: str, *sections: str) -> AppTest:
    """Open sections of the page `name` that are folded, such as "measurements"."""
    for section in sections:
        app.session_state[f"{name}/folded/{section}"] = True
    return app.run()


def choose(app: AppTest, name: str, preset: str) -> AppTest:
    """Press a preset of the page `name`, or choose one of its experiments."""
    of_data, _, on_points = preset.partition("-")
    if on_points in PAGES[name].planes.get(of_data, {}):
        app.button_group(key=f"{name}/data").set_value(of_data).run()
        return app.button_group(key=f"{name}/preset/{of_data}").set_value(on_points).run()
    if PAGES[name].planes and preset in PAGES[name].presets:
        app.button_group(key=f"{name}/data").set_value("").run()
    if preset in PAGES[name].presets:
        return app.button_group[0].set_value(preset).run()
    return app.radio(key=f"{name}/experiment").set_value(preset).run()


def elements(app: AppTest) -> int:
    """How many elements the page is made of; each of them is sent to the browser."""
    def within(block: Block) -> int:
        return sum(within(part) if isinstance(part, Block) else 1
                   for part in block.children.values())

    return within(app._tree)


def fold(app: AppTest, name: str) -> AppTest:
    """Close it again."""
    app.session_state[f"{name}/more"] = False
    return app.run()


def jobs() -> dict[str, Job]:
    """What this process's queue has to do, by the name of run or price."""
    return dict(server.queue()._scheduler.jobs)
