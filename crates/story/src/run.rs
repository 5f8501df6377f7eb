//! A story, played on the simulator.

use crate::effects::{Came, judge};
use crate::scene::{Effects, Scene};
use crate::script::{Action, Config, Name, Step, Story};
use crate::text::{Diagnostic, Span};
use crate::trace;
use nacl::Source;
use node::Settings;
use policy::Policy;
use wire::{Duration, Instant};

/// After the last step, time goes on so long: what comes of it later has to be named, too.
const AFTERMATH: Duration = Duration::from_secs(1);

/// After that nothing is held back any more, neither for a neighbor nor for its other fragments, so that the counters
/// have to balance.
const FORGETTING: Duration = Duration::from_secs(120);

/// What came of a story.
#[derive(Clone, Debug)]
pub struct Played {
    /// None: everything happened as the story says.
    pub failures: Vec<Diagnostic>,
    /// How long it took in the simulation.
    pub time: Duration,
    /// Everything that was on the wires, as a pcapng file.
    pub pcapng: Vec<u8>,
}

/// Plays a story on a router of this policy. Where something surprises, the trace of the step's packets is shown with
/// the lines of `source`, the text that the policy was compiled from.
pub fn play(story: &Story, policy: Policy, source: &Source) -> Played {
    play_with(story, policy, source, &sim::Net::settings())
}

/// As [`play`], on a router with other settings.
pub fn play_with(story: &Story, policy: Policy, source: &Source, settings: &Settings) -> Played {
    let config = story.config.first().map_or(Span { line: 1, start: 1, end: 2 }, |config| match config {
        Config::File { span, .. } | Config::Inline { span, .. } => *span,
    });
    let scene = match Scene::new(policy.clone(), settings.clone()) {
        Ok(scene) => scene,
        Err(errors) => {
            let failures =
                errors.iter().map(|error| Diagnostic::new(config, format!("the router does not start: {error}")));
            return Played { failures: failures.collect(), time: Duration::ZERO, pcapng: Vec::new() };
        }
    };
    let mut stage = Stage::new(scene);
    if let Err((step, error)) = stage.play(&story.steps) {
        stage.failures.push(Diagnostic::new(step, error.to_string()));
    }
    let time = stage.ended - stage.started;
    let (mut failures, pcapng) = (stage.failures, stage.scene.net.pcapng());
    if !failures.is_empty() {
        // Every simulation is the same one, so the second time is as the first.
        if let Ok(scene) = Scene::new(policy, settings.clone()) {
            let mut again = Stage { traces: Some(Traces::new(&story.steps, &failures, source)), ..Stage::new(scene) };
            let _ = again.play(&story.steps);
            again.traces.into_iter().for_each(|traces| traces.attach(&mut failures));
        }
    }
    Played { failures, time, pcapng }
}

/// The traces of steps that failed.
struct Traces<'a> {
    source: &'a Source,
    /// The lines of these steps, and what was traced of them.
    steps: Vec<(u32, Option<String>)>,
    /// For each failure the line of its step.
    of_failures: Vec<Option<u32>>,
}

impl<'a> Traces<'a> {
    fn new(steps: &[Step], failures: &[Diagnostic], source: &'a Source) -> Self {
        let line_of = |failure: &Diagnostic| {
            let step = steps.iter().rfind(|step| step.span.line <= failure.span.line)?;
            matches!(step.action, Action::In { .. }).then_some(step.span.line)
        };
        let of_failures: Vec<_> = failures.iter().map(line_of).collect();
        let mut lines: Vec<u32> = of_failures.iter().copied().flatten().collect();
        lines.dedup();
        Self { source, steps: lines.into_iter().map(|line| (line, None)).collect(), of_failures }
    }

    /// Shows a trace with the first failure of its step.
    fn attach(self, failures: &mut [Diagnostic]) {
        for (line, text) in self.steps {
            let first = self.of_failures.iter().position(|of| *of == Some(line));
            if let (Some(failure), Some(text)) = (first.and_then(|at| failures.get_mut(at)), text) {
                failure.notes.push(("trace", text));
            }
        }
    }
}

/// A running story.
struct Stage<'a> {
    scene: Scene,
    failures: Vec<Diagnostic>,
    started: Instant,
    /// When the story was over.
    ended: Instant,
    /// Some host does not answer.
    is_silent: bool,
    /// What is wanted of the second time.
    traces: Option<Traces<'a>>,
}

impl Stage<'_> {
    fn new(scene: Scene) -> Self {
        let started = scene.net.now();
        Self { scene, failures: Vec::new(), started, ended: started, is_silent: false, traces: None }
    }

    fn play(&mut self, steps: &[Step]) -> Result<(), (Span, sim::Restless)> {
        // What the box says when it starts is no effect of a step.
        let boot = steps.first().map_or(Span { line: 1, start: 1, end: 2 }, |step| step.span);
        self.scene.net.settle().map_err(|error| (boot, error))?;
        if steps.first().is_none_or(|step| step.action != Action::Start) {
            self.scene.forget();
        }
        let mut last: Option<&Step> = None;
        for step in steps {
            let until = self.scene.net.now() + step.after;
            self.scene.net.advance(until).map_err(|error| (step.span, error))?;
            if let Some(last) = last {
                self.judge(last);
            }
            if let Err(failure) = self.act(step) {
                self.failures.push(failure);
            }
            last = Some(step);
        }
        if let Some(last) = last {
            let until = self.scene.net.now() + AFTERMATH;
            self.scene.net.advance(until).map_err(|error| (last.span, error))?;
            self.judge(last);
            self.ended = self.scene.net.now();
            let until = self.scene.net.now() + FORGETTING;
            self.scene.net.advance(until).map_err(|error| (last.span, error))?;
            self.balance(last.span);
        }
        Ok(())
    }

    /// Every packet is somewhere in the counters: those that came in or were made here are those that left, were
    /// delivered, were used up by the link, or have a drop reason.
    fn balance(&mut self, span: Span) {
        let total = self.scene.net.counters().total();
        let drops: u64 = total.drops().map(|(_, count)| count).sum();
        let begun = total.received + total.originated;
        let ended = total.forwarded + total.sent + total.delivered + total.link + drops;
        // While a next hop is silent, something may wait for it.
        let balanced = if self.is_silent { begun >= ended } else { begun == ended };
        if !balanced {
            let message = format!("the counters do not balance: {begun} packets began their walk, {ended} ended it");
            self.failures.push(Diagnostic::new(span, message).note("came", format!("{total:?}")));
        }
    }

    fn act(&mut self, step: &Step) -> Result<(), Diagnostic> {
        self.is_silent |= matches!(step.action, Action::Silent(_));
        if self.is_traced(step) {
            self.scene.net.start_trace();
        }
        self.scene.act(&step.action, step.span).map(drop)
    }

    fn is_traced(&self, step: &Step) -> bool {
        self.traces.iter().flat_map(|traces| &traces.steps).any(|(line, _)| *line == step.span.line)
    }

    /// Takes what has come since the last step and holds it against what this one expects.
    fn judge(&mut self, step: &Step) {
        let walks = trace::walks(&self.scene.net.take_trace());
        if let Some(traces) = &mut self.traces
            && let Some((_, text)) = traces.steps.iter_mut().find(|(line, _)| *line == step.span.line)
        {
            *text = trace::summary(&walks, self.scene.net.policy(), traces.source);
        }
        let Effects { came, answers } = self.scene.came();
        // Frames that leave carry the box's MAC address, whatever the story says.
        for item in &came {
            if let Came::Out { iface, packet } = item
                && self
                    .scene
                    .wire(&Name { text: iface.clone(), span: step.span })
                    .is_ok_and(|wire| packet.src_mac != Some(wire.mac))
            {
                let mac = packet.src_mac.map_or("none".to_owned(), |mac| mac.to_string());
                self.failures
                    .push(Diagnostic::new(step.span, format!("a frame left {iface} with the source MAC {mac}")));
            }
        }
        self.failures.extend(judge(step, came, answers, &mut self.scene.seen.names));
    }
}
