//! Each classic failure that the page offers shows its symptom, in the numbers that the page shows.

use playground::points::{FAILURES, SHOWN};
use playground::{Link, Session, Turn};

/// The map shows the plane from -EDGE to EDGE.
const EDGE: f64 = 2.4;

/// What the page says about the map, and the metrics of the last step.
#[derive(Debug)]
struct Seen {
    /// Share of the fakes that are close to a real.
    close: f64,
    /// Share of the eight clouds that have a fake close by.
    covered: f64,
    /// Fakes outside of the picture.
    outside: usize,
    /// The mean length of the arrows.
    arrows: f64,
    /// Share of the arrows that are too short to be drawn.
    still: f64,
    /// The span of D's outputs on the map.
    span: f64,
    d_loss: f64,
    g_loss: f64,
    d_fake: f64,
}

fn seen(session: &Session) -> Seen {
    let gan = session.points().unwrap();
    let view = gan.view(session.settings());
    let pairs = |data: &[f32]| data.chunks(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]).collect::<Vec<_>>();
    let [fakes, arrows] = [&view.fakes, &view.arrows].map(|tensor| pairs(tensor.data()));
    let clouds = models::Mixture::Ring8.centres();
    let near = |fake: &[f64; 2], cloud: &[f64; 2]| (fake[0] - cloud[0]).hypot(fake[1] - cloud[1]) < 0.2;
    let close = fakes.iter().filter(|fake| clouds.iter().any(|cloud| near(fake, cloud))).count();
    let covered = clouds.iter().filter(|cloud| fakes.iter().any(|fake| near(fake, cloud))).count();
    let lengths: Vec<f64> = arrows.iter().map(|[x, y]| x.hypot(*y)).collect();
    let heights = view.heights.data().iter().map(|height| f64::from(*height));
    let step = session.last();
    Seen {
        close: close as f64 / fakes.len() as f64,
        covered: covered as f64 / 8.0,
        outside: fakes.iter().filter(|[x, y]| x.abs().max(y.abs()) > EDGE).count(),
        arrows: lengths.iter().sum::<f64>() / fakes.len() as f64,
        still: lengths.iter().filter(|length| **length < 0.02).count() as f64 / fakes.len() as f64,
        span: heights.clone().fold(f64::MIN, f64::max) - heights.fold(f64::MAX, f64::min),
        d_loss: step.d_loss.unwrap(),
        g_loss: step.g_loss.unwrap(),
        d_fake: step.d_fake.unwrap(),
    }
}

/// What the page shows after each of these numbers of steps.
fn after<const N: usize>(link: &str, steps: [usize; N]) -> [Seen; N] {
    let mut session = Session::at(&Link::parse(link).unwrap(), &[]).unwrap();
    let mut done = 0;
    steps.map(|wanted| {
        while done < wanted {
            session.take(Turn::Step).unwrap();
            done += 1;
        }
        seen(&session)
    })
}

fn after_failure<const N: usize>(name: &str, steps: [usize; N]) -> [Seen; N] {
    after(FAILURES.iter().find(|failure| failure.name == name).unwrap().link, steps)
}

/// The same steps without a failure, for comparison.
#[test]
fn without_a_failure_the_generator_finds_all_clouds() {
    let [seen] = after("points", [700]);
    assert!(seen.covered == 1.0 && seen.close > 0.4 && seen.outside == 0, "{seen:?}");
    assert!(seen.still < 0.3 && seen.d_loss > 0.5 && seen.span < 30.0, "{seen:?}");
}

/// All fakes are in one place, and move on together.
#[test]
fn collapse() {
    let all = after_failure("collapse", [200, 400, 700]);
    assert!(all.iter().all(|seen| seen.covered <= 0.125 && seen.outside == 0), "{all:?}");
    assert!(all[0].close > 0.5 && all[1].close == 0.0 && all[2].close > 0.5, "{all:?}");
}

/// D rejects with certainty, and most arrows are gone.
#[test]
fn strong_d() {
    let [seen] = after_failure("strong-d", [400]);
    assert!(seen.d_loss < 0.3 && seen.d_fake < -20.0 && seen.g_loss.abs() < 0.05, "{seen:?}");
    assert!(seen.still > 0.7 && seen.close < 0.1, "{seen:?}");
}

/// G's loss looks like success, and no fake is in the picture.
#[test]
fn no_freeze() {
    let [seen] = after_failure("no-freeze", [200]);
    assert!(seen.g_loss < 1e-3 && seen.d_loss > 5.0, "{seen:?}");
    assert!(seen.outside == SHOWN && seen.still == 1.0, "{seen:?}");
}

/// D wins, and no fake stays near a real.
#[test]
fn no_cut() {
    let all = after_failure("no-cut", [200, 400, 700]);
    assert!(all.iter().all(|seen| seen.d_loss < 0.2 && seen.g_loss > 5.0 && seen.close < 0.05), "{all:?}");
}

/// Scores and arrows grow without end.
#[test]
fn unbounded() {
    let all = after_failure("unbounded", [100, 200, 400]);
    assert!(all.windows(2).all(|pair| pair[1].span > 4.0 * pair[0].span), "{all:?}");
    assert!(all.windows(2).all(|pair| pair[1].arrows > 4.0 * pair[0].arrows), "{all:?}");
    assert!(all[2].span > 10_000.0 && all[2].g_loss > 10_000.0, "{all:?}");
}
