"""Makes tables of what suite.py measured, and a plot of how many jails grow: page.py RESULTS SVG"""

import collections
import json
import statistics
import sys

TITLES = {
    "exec": "a command in a jail", "life": "a jail's life", "script": "the start of a script", "key": "a key, with 500 jails",
}
# Of its group's first line: what may be taken, by design.
AIMS = {
    "jailctl exec NAME true": "at most 1.5, and less than bwrap", "create, start, stop, destroy: four commands": "at most 0.2",
    "jailsh -e 1": "at most 5, and less than python3",
}


def timed(group, results):
    rounds = max(result.get("rounds", 0) for result in results)
    print(f"\n| {TITLES[group]} ({rounds} rounds, in turns) | median ms | least ms | middle half ms | ratio | aim |\n|---|---|---|---|---|---|")
    base = next((result["median"] for result in results if "median" in result), 1)
    for result in results:
        if "failed" in result:
            print(f"| {result['what']} | not measured: {result['failed']} | | | | |")
            continue
        print(f"| {result['what']} | {result['median']:.2f} | {result['least']:.2f} | {result['q1']:.2f} to {result['q3']:.2f} "
              f"| {result['median'] / base:.2f} | {AIMS.get(result['what'], '')} |")


def calls(title, results, places, aims):
    print(f"\n| {title} | {' | '.join(f'{place}, us' for place in places)} | {' | '.join(f'{place} / {places[0]}' for place in places[1:])} | aim |")
    print("|---" * (2 * len(places) + 1) + "|")
    taken = collections.defaultdict(lambda: collections.defaultdict(list))
    for result in results:
        taken[result["what"]][result["where"]].append(result["ns"] / 1000)
    for what, by_place in taken.items():
        # The ratio of each turn, for turns are what is comparable.
        ratios = [statistics.median(a / b for a, b in zip(by_place[place], by_place[places[0]])) for place in places[1:]]
        medians = [statistics.median(by_place[place]) for place in places]
        print(f"| {what} | {' | '.join(f'{median:.2f}' for median in medians)} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} | {aims} |")


def scale(results):
    print("\n| jails | create, ms each | start --all, s | stop --all, s | stats, ms | scrape, ms | ps ax, ms | memory, KiB each | its processes, PSS KiB | supervisor, private KiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for one in results:
        print(f"| {one['jails']} | {one['create']:.1f} | {one['start']:.2f} | {one['stop']:.2f} | {one['stats']:.1f} | {one['scrape']:.1f} "
              f"| {one['ps']:.1f} | {one['kib']} | {one['pss']} | {one['supervisor']} |")
    print("\nThe aim for stats is less than `ps ax`, for a supervisor less than 1024 KiB.\n\n![Growth](growth.svg)")


def neighbours(results):
    print("\n| a web server's answer beside a | held by | idle, ms | beside it, ms | ratio | aim |\n|---|---|---|---|---|---|")
    for one in results:
        print(f"| {one['what']} | {one['held']} | {one['idle']:.2f} | {one['beside']:.2f} | {one['beside'] / one['idle']:.2f} | at most 1.2 |")


def plot(results):
    """What all jails take together, over their number: times to start and stop, times to look, memory; readable on light and on dark."""
    panels = [
        ("seconds", {"start --all": lambda one: one["start"], "stop --all": lambda one: one["stop"]}),
        ("milliseconds", {"stats": lambda one: one["stats"], "scrape": lambda one: one["scrape"], "ps ax": lambda one: one["ps"]}),
        ("MiB", {"memory of their processes (PSS)": lambda one: (one["pss"] or one["kib"]) * one["jails"] / 1024}),
    ]
    width, height = 320, 300
    words = ", ".join(f"{unit}: {', '.join(lines)}" for unit, lines in panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(panels)} {height}" role="img" aria-label="Over the number of jails, {words}">',
             "<style>text { font: 12px sans-serif; fill: #333 } .axis { stroke: #777 } .l0 { stroke: #0969da } .l1 { stroke: #bc4c00 } .l2 { stroke: #1a7f37 }"
             " @media (prefers-color-scheme: dark) { text { fill: #ddd } .axis { stroke: #999 } .l0 { stroke: #58a6ff } .l1 { stroke: #f0883e } .l2 { stroke: #56d364 } }</style>"]
    for at, (unit, lines) in enumerate(panels):
        parts += panel(at * width, width, height, unit, lines, results)
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(left, width, height, unit, lines, results):
    bottom, first, last, head = height - 38, left + 48, left + width - 24, 30 + 16 * len(lines)
    most = max(one["jails"] for one in results)
    top = max(value(one) for value in lines.values() for one in results) or 1
    x = lambda jails: first + (last - first) * jails / most
    y = lambda amount: bottom - (bottom - head) * amount / top
    yield f'<path class="axis" fill="none" d="M{first} {head - 8}V{bottom}H{last}"/>'
    yield f'<text x="{left + 8}" y="14">{unit}</text><text x="{last}" y="{height - 6}" text-anchor="end">jails</text>'
    yield f'<text x="{first - 6}" y="{y(top) + 4:.0f}" text-anchor="end">{top:.1f}</text><text x="{first - 6}" y="{bottom}" text-anchor="end">0</text>'
    for number, (name, value) in enumerate(lines.items()):
        path = "M" + "L".join(f"{x(one['jails']):.0f} {y(value(one)):.0f}" for one in results)
        yield f'<path class="l{number}" fill="none" stroke-width="2" d="{path}"/>'
        yield f'<path class="l{number}" stroke-width="2" d="M{first + 8} {10 + 16 * (number + 1)}h20"/>'
        yield f'<text x="{first + 34}" y="{14 + 16 * (number + 1)}">{name}</text>'
    for one in results:
        yield f'<text x="{x(one["jails"]):.0f}" y="{bottom + 16}" text-anchor="middle">{one["jails"]}</text>'


def main():
    lines = open(sys.argv[1]).read().splitlines()
    groups = collections.defaultdict(list)
    for line in lines:
        result = json.loads(line)
        groups[result.pop("group")].append(result)
    machine = groups["machine"][0]
    print(f"{machine['model']}, {machine['processors']} processors, Linux {machine['kernel']}, {machine['date']}, body {machine['body']}, "
          f"load {machine['load']:.1f} at the beginning. Natively, but for what is said to be a guest's.")
    for group in TITLES:
        if groups[group]:
            timed(group, groups[group])
    if groups["memory"]:
        print("\n| memory and size | KiB |\n|---|---|")
        for result in groups["memory"]:
            print(f"| {result['what']} | {result.get('kib', 'not measured: ' + result.get('failed', ''))} |")
    if groups["calls"]:
        calls(f"a call, body {machine['body']}, natively", groups["calls"], ["host", "jailed"], "at most 1.05")
    if groups["module"]:
        calls("a call, the module, in an emulated guest", groups["module"], ["without", "beside", "jailed"], "at most 1.01 beside, 1.05 jailed")
    if groups["neighbours"]:
        neighbours(groups["neighbours"])
    if groups["scale"]:
        scale(groups["scale"])
        open(sys.argv[2], "w").write(plot(groups["scale"]))
    print("\n<details><summary>The same as JSON, a result a line</summary>\n\n```json\n" + "\n".join(lines) + "\n```\n\n</details>")


if __name__ == "__main__":
    main()
