"""The desk, driven by hand: no Ray, no processes, slots and studies are coroutines."""

import asyncio

from repro.tuning.desk import ABANDONED, Desk


def drive(scene):
    """Run a scene with a desk at which the studies "a" and "b" have come in, in this order."""

    async def run():
        desk = Desk()
        await desk.join("a", ["objective a"])
        await desk.join("b", ["objective b"])
        await asyncio.wait_for(scene(desk), timeout=60)

    asyncio.run(run())


async def ask(desk, slot, *outcome):
    """Let a slot ask for work; return the task that waits for it."""
    waiting = asyncio.create_task(desk.work(slot, *outcome))
    await asyncio.sleep(0)
    return waiting


async def fetch(desk, study, requests=(), verdicts=()):
    """Return the kinds, keys and payloads of what has happened; slots that came are left out."""
    events, _ = await desk.exchange(study, list(requests), list(verdicts))
    return [(kind, key, payload) for kind, _, key, payload in events if kind != "slots"]


def test_the_study_that_came_first_is_served_first():
    async def scene(desk):
        first, second = await ask(desk, "s1"), await ask(desk, "s2")
        await fetch(desk, "b", [("b0", b"of b")])
        await fetch(desk, "a", [("a0", b"of a"), ("a1", b"of a"), ("a2", b"of a")])
        assert await first == (["objective b"], b"of b")
        assert await second == (["objective a"], b"of a")
        third = await ask(desk, "s1", ("result", b"score", 2.5))
        assert await third == (["objective a"], b"of a")
        assert await fetch(desk, "b") == [("result", "b0", b"score")]
        assert await desk.usage() == (2.5, 2)

    drive(scene)


def test_a_trial_waits_for_the_verdict_on_its_evaluation():
    async def scene(desk):
        await ask(desk, "s1")
        await fetch(desk, "a", [("a0", b"request")])
        report = asyncio.create_task(desk.report("s1", b"evaluation"))
        await asyncio.sleep(0)
        assert await fetch(desk, "a") == [("evaluation", "a0", b"evaluation")]
        assert not report.done()
        exchange = asyncio.create_task(fetch(desk, "a", verdicts=[("s1", "stopped")]))
        assert await report == "stopped"
        await ask(desk, "s1", ("result", b"score", 1.0))
        assert await exchange == [("result", "a0", b"score")]

    drive(scene)


def test_the_loss_of_a_slot_is_told_once_to_the_study_that_had_it():
    async def scene(desk):
        await ask(desk, "s1")
        await fetch(desk, "a", [("a0", b"request")])
        await desk.lost("s1", "no memory")  # it says so itself
        await desk.lost("s1")  # and then Ray Tune does
        assert await fetch(desk, "a") == [("lost", "a0", "no memory")]
        await ask(desk, "s2")
        await desk.lost("s2")  # it had nothing
        await ask(desk, "s3")
        assert (await desk.exchange("b", [], []))[1] == 1  # slot is left

    drive(scene)


def test_a_slot_that_was_only_silent_may_come_back_and_be_lost_again():
    async def scene(desk):
        await ask(desk, "s1")
        await fetch(desk, "a", [("a0", b"request")])
        await desk.lost("s1")
        assert await fetch(desk, "a") == [("lost", "a0", "its process ended")]
        await ask(desk, "s1", ("result", b"late", 1.0))  # trained elsewhere by now
        await fetch(desk, "a", [("a1", b"request")])
        await desk.lost("s1")
        assert await fetch(desk, "a") == [("lost", "a1", "its process ended")]

    drive(scene)


def test_when_a_study_leaves_its_trials_are_abandoned_and_its_slots_serve_others():
    async def scene(desk):
        first, second = await ask(desk, "s1"), await ask(desk, "s2")
        await fetch(desk, "a", [("a0", b"request"), ("a1", b"request")])
        await first, await second
        waiting = asyncio.create_task(desk.report("s1", b"evaluation"))
        await asyncio.sleep(0)
        await desk.leave("a")
        assert await waiting == ABANDONED
        assert await desk.report("s2", b"evaluation") == ABANDONED
        again = await ask(desk, "s1", ("abandoned", None, 0.0))
        await fetch(desk, "b", [("b0", b"of b")])
        assert await again == (["objective b"], b"of b")

    drive(scene)


def test_slots_that_never_come_to_work_end_all_studies():
    async def scene(desk):
        waiting = asyncio.create_task(fetch(desk, "a", [("a0", b"request")]))
        await asyncio.sleep(0)
        for n in range(20):
            assert not waiting.done()
            await desk.lost(f"s{n}")
        for events in (await waiting, await fetch(desk, "b")):
            ((kind, _, why),) = events
            assert kind == "broken" and "20 workers in a row ended before" in why

    drive(scene)
