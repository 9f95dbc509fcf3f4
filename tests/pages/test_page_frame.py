"""What every page begins with: a menu, settings that are checked, and no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.presets import CHALLENGES
from pages.components import server
from tests.support.app_pages import HOME, PAGES, ROOT

pytestmark = pytest.mark.usefixtures("page_server")


def test_the_web_process_never_imports_torch() -> None:
    """Opening the page takes seconds longer, and a crash of the trainer takes the server down."""
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        f"for page in {[*(card.page for card in PAGES.values()), 'pages/evidence.py'][1:]}:\n"
        "    app.switch_page(page).run()\n"
        "    assert not app.exception, app.exception\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          timeout=120)
    assert done.stdout.strip().endswith("False"), done.stderr[-2000:]


@pytest.mark.parametrize("setting", ["GAN_LAB_WORKERS", "GAN_LAB_STORE_MB"])
def test_a_bad_setting_is_named_on_the_page(setting: str, monkeypatch) -> None:
    """A typing error in the server's settings shows visitors a stack trace."""
    monkeypatch.setenv(setting, "many")
    server.settings.clear()
    try:
        app = AppTest.from_file(HOME, default_timeout=60).run()
        assert not app.exception
        assert setting in app.error[0].value.replace("\\", "")
    finally:
        monkeypatch.undo()
        server.settings.clear()


def test_the_map_names_all_five_challenges() -> None:
    """A challenge of the lecture notes is missing from the home page."""
    assert set(CHALLENGES) == {
        "baseline", "training_instability", "mode_collapse", "vanishing_gradients",
        "discriminator_overfitting", "computational_cost"}
