use super::*;

#[test]
fn both_streams_reach_syslog_line_by_line_with_their_levels() {
    let mut bench = Bench::new("echo one; echo two >&2; printf three; exec sleep 1000 >/dev/null 2>&1").started();
    let mut seen: Vec<String> = (0..4).map(|_| bench.line("")).collect();
    seen.sort();
    assert_eq!(
        seen,
        ["jail=t jid=7 started", "jail=t jid=7 stderr: two", "jail=t jid=7 stdout: one", "jail=t jid=7 stdout: three"]
    );
}

#[test]
fn control_bytes_cannot_forge_a_line() {
    let mut bench = Bench::new(r"printf 'a\rjail=other jid=1 stdout: b\033[2J\000\377\n'; exec sleep 1000").started();
    assert_eq!(bench.line("stdout"), r"jail=t jid=7 stdout: a\rjail=other jid=1 stdout: b\x1b[2J\x00\xff");
}

#[test]
fn ten_megabytes_without_a_newline_are_one_cut_line_and_no_memory() {
    let mut bench = Bench::new("head -c 10000000 /dev/zero | tr '\\0' a; echo; echo after; exec sleep 1000").started();
    let line = bench.line("stdout: a");
    assert!(line.ends_with("a [cut]") && line.len() < 8300, "{} bytes", line.len());
    assert_eq!(bench.line("stdout: "), "jail=t jid=7 stdout: after");
    let pid = bench.monitor().unwrap();
    let peak = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().to_owned();
    assert!(peak.trim_end_matches(" kB").parse::<u64>().unwrap() < 32 * 1024, "{peak}");
}

#[test]
fn a_burst_of_lines_arrives_whole_and_in_order() {
    let mut bench = Bench::new("seq -f 'line %.0f.' 20000; exec sleep 1000").started();
    let mut next = 1;
    while next <= 20000 {
        let line = bench.line("stdout: ");
        assert_eq!(line, format!("jail=t jid=7 stdout: line {next}."));
        next += 1;
    }
}

#[test]
fn endless_output_does_not_keep_a_stop_waiting() {
    let bench = Bench::new("exec yes").started();
    // Nobody reads the syslog socket: the queue is full.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(bench.stop() < Duration::from_secs(6));
}

#[test]
fn a_service_runs_without_any_syslog() {
    let bench = Bench::new(
        "i=0; while [ $i -lt 5000 ]; do echo $i some text that fills the pipe; i=$((i+1)); done; \
                            : > $DIR/done; exec sleep 1000",
    );
    std::fs::remove_file(bench.dir.path().join("log")).unwrap();
    let bench = bench.started();
    bench.until("the end of the output", |bench| bench.dir.path().join("done").exists());
    bench.stop();
}

#[test]
fn a_stuck_syslog_holds_the_service_up_for_a_second_and_not_for_ever() {
    let bench = Bench::new(
        "i=0; while [ $i -lt 9000 ]; do echo $i some text that fills the pipe; i=$((i+1)); done; \
                            : > $DIR/done; exec sleep 1000",
    )
    .started();
    bench.until("the end of the output", |bench| bench.dir.path().join("done").exists());
}

#[test]
fn a_hostile_service_costs_bounded_memory_forges_nothing_and_its_losses_are_said() {
    let script =
        r"yes 'jail=other jid=1 stdout: x' & printf 'a\rb\033[2J\000\n'; head -c 10000000 /dev/zero | tr '\0' a; exec yes >&2";
    let mut bench = Bench::new(script).started();
    // Nobody reads: the queue fills, and after a second lines are lost.
    std::thread::sleep(Duration::from_millis(2500));
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", bench.monitor().unwrap())).unwrap();
    let dirty = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap().trim().to_owned();
    assert!(dirty.trim_end_matches(" kB").parse::<u64>().unwrap() < 6 * 1024, "{dirty}");
    let lost = bench.line("line(s) lost: syslog did not take them");
    assert!(lost.starts_with("jail=t jid=7 "), "{lost}");
    assert!(bench.lines.iter().all(|line| line.starts_with("jail=t jid=7 ")), "a forged line");
}

#[test]
fn the_last_lines_stay_in_the_run_directory_whatever_syslog_does() {
    let bench = Bench::new("echo one; echo two >&2; exec sleep 1000");
    std::fs::remove_file(bench.dir.path().join("log")).unwrap();
    let bench = bench.started();
    let kept = || bench.files().reader().and_then(|mut log| log.read()).unwrap_or_default();
    bench.until("three lines", |_| kept().len() == 3);
    let mut lines: Vec<String> = kept().iter().map(|line| format!("{}: {}", line.source.name(), line.text)).collect();
    lines.sort();
    assert_eq!(lines, ["stderr: two", "stdout: one", "supervisor: started"]);
    bench.stop();
    assert!(kept().last().unwrap().text.starts_with("supervision ends"));
}

#[test]
fn endless_lines_fill_no_more_than_two_files() {
    let bench = Bench::new("yes | head -n 200000; exec sleep 1000");
    std::fs::remove_file(bench.dir.path().join("log")).unwrap();
    let bench = bench.started();
    bench.until("the last line", |bench| {
        bench
            .files()
            .reader()
            .and_then(|mut log| log.read())
            .is_some_and(|lines| lines.last().is_some_and(|line| line.seq >= 200_001))
    });
    let size = |name: &str| std::fs::metadata(bench.dir.path().join("run/jails/t").join(name)).unwrap().len();
    assert!(size("log") <= 128 * 1024 && size("log.old") <= 128 * 1024);
}

#[test]
fn lines_without_end_cost_neither_the_log_nor_a_processor_and_their_losses_are_told() {
    let mut bench = Bench::new("yes | head -n 60000; exec yes >&2").started();
    let (mut passed, mut lost) = (0, 0);
    let losses = |line: &str| {
        line.strip_prefix("jail=t jid=7 ")?
            .strip_suffix(" line(s) lost: the service writes more than 500 a second")?
            .parse::<u64>()
            .ok()
    };
    let begun = Instant::now();
    let mut used = None;
    // Seven seconds, and as many more as a busy machine takes to tell the first loss.
    while begun.elapsed() < Duration::from_secs(7) || (lost <= 40_000 && begun.elapsed() < Duration::from_secs(60)) {
        let line = bench.line("");
        if let Some(count) = losses(&line) {
            lost += count;
        } else if line.contains(": y") {
            passed += 1;
        }
        if used.is_none() && begun.elapsed() > Duration::from_secs(4) {
            used = Some((Instant::now(), ticks(bench.monitor().unwrap())));
        }
    }
    let (since, before) = used.unwrap();
    let (used, seconds) = (ticks(bench.monitor().unwrap()) - before, since.elapsed().as_secs() + 1);
    assert!((20_000..20_000 + 500 * (begun.elapsed().as_secs() + 3)).contains(&passed), "{passed} lines passed");
    assert!(lost > 40_000, "{lost} lost");
    // In hundredths of a second; a debug build on a busy machine.
    assert!(used < 30 * seconds, "{used} ticks in {seconds} s");
}

/// The CPU time of a process, in ticks of 1/100 s.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
