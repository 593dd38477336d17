//! Stages of a Dockerfile: the runs of a schedule, one after another, cut where somebody takes files from between them.

use std::collections::BTreeMap;

use crate::plan::{Schedule, Scheduled, Tree};

/// Runs that lie on one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The last run of the stage that it begins from; `None` for what lies below the storey.
    pub(super) on: Option<usize>,
    /// The runs, the lowest first; never none.
    pub(super) runs: Vec<usize>,
}

impl Line {
    /// The run that its files are named by.
    pub(super) fn last(&self) -> usize {
        self.runs.last().copied().unwrap_or_default()
    }
}

/// The stages of a schedule in which trees are chains, in an order in which each comes after what it takes files from.
pub(super) fn lines(schedule: &Schedule) -> Vec<Line> {
    let mut above: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut is_cut = vec![false; schedule.runs.len()];
    let mut cut = |run: &usize| is_cut.get_mut(*run).map(|is_cut| *is_cut = true);
    for (position, run) in schedule.runs.iter().enumerate() {
        if let Tree::After(below) = &run.on {
            above.entry(*below).or_default().push(position);
        }
        run.uses.values().for_each(|used| {
            cut(used);
        });
    }
    match &schedule.result {
        Scheduled::Tree(Tree::After(run)) | Scheduled::Product(run) | Scheduled::Lock(Some(run)) => {
            cut(run);
        }
        _ => {}
    }
    let mut lines: Vec<Line> = Vec::new();
    for (position, run) in schedule.runs.iter().enumerate() {
        let on = match &run.on {
            Tree::After(below) => Some(*below),
            _ => None,
        };
        let is_alone = |below: &usize| above.get(below).is_some_and(|all| all.len() == 1) && !is_cut[*below];
        let line = on
            .filter(is_alone)
            .and_then(|below| lines.iter_mut().find(|line| line.last() == below));
        match line {
            Some(line) => line.runs.push(position),
            None => lines.push(Line {
                on,
                runs: vec![position],
            }),
        }
    }
    lines.sort_by_key(Line::last);
    lines
}
