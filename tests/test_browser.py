"""Notebooks and the page as a reader meets them, in a real browser. `make browser` runs this.

Playwright drives Debian's Chromium, by its path; nothing is downloaded. Screenshots go to
build/browser/.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from synthetic_study import make_study, write_study

if not os.environ.get("REPRO_BROWSER"):
    pytest.skip("a browser is needed: `make browser` runs this", allow_module_level=True)

from playwright.sync_api import expect, sync_playwright  # missing under `make browser`: an error

from repro.chapters.initial.claims import published_answers
from repro.chapters.initial.gains import describe_gains, printed_gains
from repro.chapters.initial.plots import plot_quadrant
from repro.chapters.procedure.rules import Rule, judge_rounds
from repro.chapters.procedure.tables import rounds_table
from repro.paths import ROOT
from repro.published import published_rounds
from repro.show.ledger import collect_claims
from repro.show.page import write_page
from repro.show.report import Report

SHOTS = ROOT / "build/browser"
SECOND = 1000  # Playwright counts in milliseconds
START, RUN, STEP = 180, 420, 60  # seconds: the server, a notebook, anything else
PACKAGE = "@jupyterlab"
SETTINGS = {  # all cells are in the page at once, and nothing asks for the network
    f"{PACKAGE}/notebook-extension/tracker": {"windowingMode": "none"},
    f"{PACKAGE}/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on loopback with a token, in a copy of the notebooks; yields name -> address."""
    folder = tmp_path_factory.mktemp("lab")
    copy_notebooks(folder / "notebooks")
    study = make_study(methods=["grid", "rs", "bo_asha"], n_trials=8)
    write_study(study, folder / "results")
    token, port = secrets.token_urlsafe(24), free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder / 'notebooks'}"],
            env=environment(folder, token),
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that it ends with its kernels, and nothing else does
        )
    try:
        wait_for_server(f"http://127.0.0.1:{port}/api/status?token={token}", server, folder)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}.ipynb?reset&token={token}"
    finally:
        stop(server)


def copy_notebooks(folder):
    """Copy what is run; 00 with the profile smoke, whose figures are nobody's."""
    folder.mkdir()
    for name, profile in (("00_start_here", "smoke"), ("explore", "mini")):
        text = (ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf-8")
        wanted = text.replace('profile: str = \\"mini\\"', f'profile: str = \\"{profile}\\"')
        assert profile == "mini" or wanted != text
        (folder / f"{name}.ipynb").write_text(wanted, encoding="utf-8")
    broken = json.loads((folder / "explore.ipynb").read_text(encoding="utf-8"))
    broken["cells"] = broken["cells"][:2]
    broken["cells"][1]["source"] = "1 / 0"
    (folder / "broken.ipynb").write_text(json.dumps(broken), encoding="utf-8")


def environment(folder, token):
    """Keep the user's own settings, kernels and results out of it."""
    settings = folder / "settings"
    for name, values in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    own = {
        "JUPYTER_TOKEN": token,
        "REPRO_RESULTS": folder / "results",
        "JUPYTERLAB_SETTINGS_DIR": settings,
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "IPYTHONDIR": folder / "ipython",
        "PYTHONPATH": ROOT / "src",
    }
    return os.environ | {name: str(value) for name, value in own.items()}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_server(address, server, folder):
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"JupyterLab must answer, but did not:\n{(folder / 'lab.log').read_text()[-3000:]}")


def stop(server):
    """End the server, which ends its kernels, and after a while what is left of its session."""
    for number, patience in ((signal.SIGINT, 0), (signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=patience or 1)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


@pytest.fixture(scope="module")
def browser():
    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if not path:
        pytest.fail("`make browser` needs Chromium: install it, or name it: CHROMIUM=path")
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=path, args=[*sandbox, "--disable-dev-shm-usage"], timeout=START * SECOND
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(STEP * SECOND)
    yield page
    shoot(page, "last_page")  # of a failure as well
    page.close()


def run_all(page, address):
    """Open a notebook, run all its cells by the menu, and wait until the kernel is idle."""
    page.goto(address, timeout=START * SECOND)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=START * SECOND)
    idle = page.locator(".jp-StatusBar-Widget").get_by_text("| Idle")
    idle.wait_for(timeout=START * SECOND)  # before that, to run asks for a kernel
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
    page.wait_for_function(
        """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
                 .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))""",
        timeout=RUN * SECOND,
    )
    idle.wait_for(timeout=RUN * SECOND)


def errors_of(page):
    """Return what went wrong in the page's cells and widgets, in words."""
    error = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]'
    texts = page.locator(error).all_inner_texts()
    stderr = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'
    texts += [t for t in page.locator(stderr).all_inner_texts() if "Traceback" in t]
    outputs = page.locator(".jp-OutputArea-output").all_inner_texts()
    return texts + [t for t in outputs if "widget" in t and ("Error" in t or "Loading" in t)]


def shoot(locator, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    locator.screenshot(path=SHOTS / f"{name}.png")


def test_an_error_in_a_cell_is_seen(page, lab):
    run_all(page, lab("broken"))
    assert any("ZeroDivisionError" in text for text in errors_of(page))


def test_start_here_runs_and_shows_its_curve(page, lab):
    run_all(page, lab("00_start_here"))
    assert errors_of(page) == []
    pictures = page.locator(".jp-OutputArea-output img")
    assert pictures.count() >= 2  # the live curve and the figure
    pictures.last.scroll_into_view_if_needed()
    shoot(page, "00_start_here")
    assert page.locator(".jp-OutputArea-output table").count() >= 4


def test_the_explorer_answers_and_a_small_run_is_trained(page, lab):
    run_all(page, lab("explore"))
    assert errors_of(page) == []
    check_choosing(page)
    check_brushing(page)
    check_tuning_by_hand(page)
    check_training(page)
    assert errors_of(page) == []


@pytest.fixture(scope="module")
def report_page(tmp_path_factory):
    """The page of a profile with two notebooks: verdicts, a wide table, pictures."""
    figures = tmp_path_factory.mktemp("figures")
    report = Report("01_study", "mini", note="Profile mini.", figures=figures)
    answers = published_answers()
    report.claims(answers)
    report.headline("On 5 of 10 tasks tuning does not beat grid search.")
    gains = printed_gains()
    figure = plot_quadrant(gains).figure
    report.figure(figure, "quadrant", "Gains.", finding=describe_gains(gains), place="top")
    judged = judge_rounds(published_rounds(), Rule(weak="tie"))
    report.table(rounds_table(judged, model="electra-base", note="As printed."), place="lead")
    collect_claims(figures / "mini")
    return write_page(figures / "mini").as_uri()


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_the_screen(page, report_page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report_page)
    page.wait_for_load_state()
    # tables and pictures scroll by themselves; the page does not
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("nav a").count() >= 2
    page.mouse.wheel(0, 3000)
    assert page.locator("nav").bounding_box()["y"] > -2  # the contents stay
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=SHOTS / f"page_{width}.png", full_page=True)


def test_a_link_to_what_is_folded_opens_it(page, report_page):
    page.goto(report_page)
    target = page.locator("#\\30 1_study-claims")
    expect(target).to_be_hidden()
    page.locator('.verdicts a[href="#01_study-claims"]').first.click()
    expect(target).to_be_visible()


def test_the_page_prints(page, report_page):
    page.goto(report_page)
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".board li").first).to_be_visible()
    page.screenshot(path=SHOTS / "page_print.png", full_page=True)


def visible_picture(page):
    return page.locator(".widget-html img:visible").first


def changed_by(page, action):
    """Do something and wait until the picture is another one."""
    picture = visible_picture(page)
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    action()
    expect(picture).not_to_have_attribute("src", before)


def dropdown(page, name):
    return page.locator(".widget-dropdown", has_text=name).first.locator("select")


def tab(page, title):
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text=title).first.click()


def check_choosing(page):
    explorer = page.locator(".jp-OutputArea-output", has=page.locator(".jupyter-widget-tab")).first
    expect(explorer).to_contain_text("336 trials of 42 tuning runs")
    shoot(explorer, "explore_1_all")
    changed_by(page, lambda: dropdown(page, "task").select_option(label="RTE"))
    expect(explorer).to_contain_text("112 trials of 14 tuning runs")
    changed_by(page, lambda: dropdown(page, "model").select_option(label="tiny-electra"))
    shoot(explorer, "explore_2_chosen")


def check_brushing(page):
    explorer = page.locator(".jp-OutputArea-output", has=page.locator(".jupyter-widget-tab")).first
    tab(page, "Coordinates")
    expect(explorer).to_contain_text("56 of 56 trials are chosen")
    canvas = explorer.get_by_role("img", name="Parallel coordinates")
    box = canvas.bounding_box()
    right = box["x"] + box["width"] - 64  # the score's axis
    page.mouse.move(right - 40, box["y"] + 60)
    page.mouse.move(right - 30, box["y"] + 70)
    page.mouse.move(right, box["y"] + 35)
    page.mouse.down()
    page.mouse.move(right, box["y"] + 150, steps=5)
    page.mouse.up()
    expect(explorer).not_to_contain_text("56 of 56 trials are chosen")
    canvas.press("Escape")
    expect(explorer).to_contain_text("56 of 56 trials are chosen")
    for _ in range(12):  # the score's axis was touched last
        canvas.press("ArrowUp")
    expect(explorer).not_to_contain_text("56 of 56 trials are chosen")
    assert canvas.get_attribute("aria-label").startswith("Parallel coordinates of")
    page.mouse.move(right - 30, box["y"] + 70)
    shoot(explorer, "explore_3_brushed")
    tab(page, "Learning curves")
    expect(visible_picture(page)).to_be_visible()
    handle = page.locator(".widget-hslider:visible", has_text="best n").locator(".noUi-handle")
    changed_by(page, lambda: [handle.focus(), handle.press("ArrowRight")])
    shoot(explorer, "explore_4_curves")
    tab(page, "Trials")
    expect(explorer).to_contain_text("chosen trials, by validation score")
    shoot(explorer, "explore_5_table")
    tab(page, "Compare")
    expect(explorer).to_contain_text("95 % interval")
    shoot(explorer, "explore_6_compare")


def check_tuning_by_hand(page):
    form = page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name="Try it")).last
    form.scroll_into_view_if_needed()
    for n in (1, 2, 3):
        form.get_by_role("button", name="Try it").click()
        expect(form).to_contain_text(f"Trial {n}: ")
    form.get_by_role("button", name="Look at the test scores").click()
    expect(form).to_contain_text("On test:")
    shoot(form, "by_hand")


def check_training(page):
    form = page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name="Run")).last
    form.scroll_into_view_if_needed()
    shoot(form, "form_1_empty")
    handle = form.locator(".widget-hslider", has_text="trials").first.locator(".noUi-handle")
    handle.focus()
    for _ in range(3):
        handle.press("ArrowLeft")
    form.get_by_role("button", name="Run").click()
    form.get_by_text("trials done").first.wait_for(timeout=RUN * SECOND)
    shoot(form, "form_2_running")
    form.get_by_text("done in").or_(form.get_by_text("It did not work")).first.wait_for(
        timeout=RUN * SECOND
    )
    expect(form).to_contain_text("3 of 3 trials done")
    shoot(form, "form_3_done")
    page.get_by_role("button", name="Refresh").first.click()
    expect(dropdown(page, "method")).to_be_visible()
    dropdown(page, "task").select_option(label="all")
    explorer = page.locator(".jp-OutputArea-output", has=page.locator(".jupyter-widget-tab")).first
    expect(explorer).to_contain_text("of 339 found")
