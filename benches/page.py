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
    """Two lines, start and stop of all, over the number of jails; readable on light and on dark."""
    width, height, left, bottom = 640, 320, 60, 40
    most = max(one["jails"] for one in results)
    top = max(max(one["start"], one["stop"]) for one in results) or 1
    x = lambda jails: left + (width - left - 20) * jails / most
    y = lambda seconds: height - bottom - (height - bottom - 30) * seconds / top
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="Seconds to start and stop all jails">',
             "<style>text { font: 13px sans-serif; fill: #333 } .axis { stroke: #777 } .start { stroke: #0969da; fill: none } .stop { stroke: #bc4c00; fill: none }"
             " @media (prefers-color-scheme: dark) { text { fill: #ddd } .axis { stroke: #999 } .start { stroke: #58a6ff } .stop { stroke: #f0883e } }</style>",
             f'<path class="axis" fill="none" d="M{left} 20V{height - bottom}H{width - 20}"/>',
             f'<text x="{left}" y="14">seconds, all jails</text><text x="{width - 70}" y="{height - 8}">jails</text>',
             f'<text x="8" y="{y(top) + 4:.0f}">{top:.1f}</text><text x="8" y="{y(0):.0f}">0</text>']
    for name in ("start", "stop"):
        path = f"M{x(0):.0f} {y(0):.0f}" + "".join(f"L{x(one['jails']):.0f} {y(one[name]):.0f}" for one in results)
        parts.append(f'<path class="{name}" stroke-width="2" d="{path}"/>')
        parts.append(f'<text x="{x(most) - 60:.0f}" y="{y(results[-1][name]) - 6:.0f}">{name} --all</text>')
    parts += [f'<text x="{x(one["jails"]) - 10:.0f}" y="{height - bottom + 18}">{one["jails"]}</text>' for one in results]
    return "\n".join([*parts, "</svg>"]) + "\n"


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
