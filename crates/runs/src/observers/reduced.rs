//! The metrics of all steps in bounded memory: every step while there are few, then groups of steps
//! with the minimum, maximum and mean of every metric. The groups depend only on the rows, so an
//! interrupted run has the same curves.

/// The largest number of groups: more than a chart can show.
const MOST: usize = 4096;

/// The reduced rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reduced {
    /// Rows in a full group: a power of two.
    size: u64,
    /// Values in a row.
    columns: usize,
    groups: Vec<Group>,
    /// The statistics of the groups, `columns` for each.
    numbers: Vec<Number>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Group {
    first: u64,
    last: u64,
    rows: u64,
}

/// One metric over the steps of a group. Values that are not finite are ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    /// Step and value.
    least: (u64, f64),
    greatest: (u64, f64),
    sum: f64,
    count: u64,
}

impl Reduced {
    /// Adds a row; all rows have the same length.
    pub(crate) fn add(&mut self, step: u64, values: &[f64]) {
        let new = values.iter().map(|value| Number::of(step, *value));
        match self.groups.last_mut().filter(|group| group.rows < self.size) {
            Some(group) => {
                (group.last, group.rows) = (step, group.rows + 1);
                let start = self.numbers.len() - self.columns;
                self.numbers[start..].iter_mut().zip(new).for_each(|(old, new)| *old = old.and(new));
            }
            None => {
                if self.groups.len() == MOST {
                    self.halve();
                    return self.add(step, values);
                }
                (self.size, self.columns) = (self.size.max(1), values.len());
                self.groups.push(Group { first: step, last: step, rows: 1 });
                self.numbers.extend(new);
            }
        }
    }

    /// Merges every two neighbouring groups.
    fn halve(&mut self) {
        let join =
            |pair: &[Group]| Group { first: pair[0].first, last: pair[1].last, rows: pair[0].rows + pair[1].rows };
        self.groups = self.groups.chunks_exact(2).map(join).collect();
        let columns = self.columns;
        let pairs = self.numbers.chunks_exact(2 * columns);
        self.numbers = pairs.flat_map(|pair| (0..columns).map(|at| pair[at].and(pair[columns + at]))).collect();
        self.size *= 2;
    }

    /// The number of steps that each of the [`means`](Self::means) covers; the last one may cover
    /// fewer.
    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.size.max(1)).unwrap_or(usize::MAX)
    }

    fn column(&self, at: usize) -> impl Iterator<Item = (&Group, &Number)> {
        self.groups.iter().zip(self.numbers.iter().skip(at).step_by(self.columns.max(1)))
    }

    /// The minimum and maximum of each group, in the order of their steps.
    pub(crate) fn extremes(&self, at: usize) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        for (group, number) in self.column(at) {
            let mut ends = [number.least, number.greatest];
            ends.sort_unstable_by_key(|(step, _)| *step);
            let ends = if number.count == 0 { &[(group.last, f64::NAN)][..] } else { &ends[..] };
            points.extend(ends.iter().map(|(step, value)| (*step as f64, *value)));
            if ends.len() == 2 && ends[0].0 == ends[1].0 {
                points.pop();
            }
        }
        points
    }

    /// The mean of each group, at the group's middle step.
    pub(crate) fn means(&self, at: usize) -> Vec<(f64, f64)> {
        let mean = |(group, number): (&Group, &Number)| {
            ((group.first + group.last) as f64 / 2.0, number.sum / number.count as f64)
        };
        self.column(at).map(mean).collect()
    }
}

impl Number {
    fn of(step: u64, value: f64) -> Self {
        let (sum, count) = if value.is_finite() { (value, 1) } else { (0.0, 0) };
        Self { least: (step, value), greatest: (step, value), sum, count }
    }

    /// Merges two neighbouring groups; of equal values the earlier one is kept.
    fn and(self, later: Self) -> Self {
        if self.count == 0 || later.count == 0 {
            return if self.count == 0 { later } else { self };
        }
        Self {
            least: if later.least.1 < self.least.1 { later.least } else { self.least },
            greatest: if later.greatest.1 > self.greatest.1 { later.greatest } else { self.greatest },
            sum: self.sum + later.sum,
            count: self.count + later.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(step: u64) -> [f64; 2] {
        let noise = (step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
        [noise, -100.0 * noise + step as f64]
    }

    #[test]
    fn few_rows_are_kept_as_they_are() {
        let mut reduced = Reduced::default();
        (1..=MOST as u64).for_each(|step| reduced.add(step, &wave(step)));
        let rows: Vec<(f64, f64)> = (1..=MOST as u64).map(|step| (step as f64, wave(step)[1])).collect();
        assert_eq!((reduced.extremes(1), reduced.means(1), reduced.size()), (rows.clone(), rows, 1));
    }

    /// Regression: once, about 210 bytes were kept per step.
    #[test]
    fn memory_stays_bounded_and_no_peak_of_a_column_is_lost() {
        let mut reduced = Reduced::default();
        for step in 1..=300_000 {
            let mut values = wave(step);
            match step {
                77_777 => values[0] = 9.0,
                123_456 => values[1] = -1e9,
                200_000 => values = [f64::NAN, f64::INFINITY],
                _ => {}
            }
            reduced.add(step, &values);
            assert!(reduced.groups.len() <= MOST && reduced.numbers.len() <= 2 * MOST);
        }
        assert!(reduced.extremes(0).contains(&(77_777.0, 9.0)));
        assert!(reduced.extremes(1).contains(&(123_456.0, -1e9)));
        assert!(reduced.extremes(0).iter().all(|(_, value)| value.is_finite()));
        let group = &reduced.groups[3];
        let inside = (group.first..=group.last).map(|step| wave(step)[0]);
        let [least, greatest] = [f64::min, f64::max].map(|of| inside.clone().reduce(of).unwrap());
        let number = reduced.numbers[6];
        assert_eq!((number.least.1, number.greatest.1), (least, greatest));
        assert!((reduced.means(0)[3].1 - inside.sum::<f64>() / group.rows as f64).abs() < 1e-12);
        assert_eq!(reduced.groups.iter().map(|group| group.rows).sum::<u64>(), 300_000);
    }

    #[test]
    fn a_column_without_a_finite_value_still_has_its_steps() {
        let mut reduced = Reduced::default();
        reduced.add(1, &[f64::NAN]);
        let points = reduced.extremes(0);
        assert!(points.len() == 1 && points[0].1.is_nan() && reduced.means(0)[0].1.is_nan());
    }
}
