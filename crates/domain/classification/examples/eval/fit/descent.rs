//! L-BFGS: finds the lowest point of a smooth bowl. Must not know what lies in it.

use std::collections::VecDeque;

/// How many steps are remembered to guess the curvature.
const MEMORY: usize = 8;
const STEPS: usize = 200;
/// Flat enough, against the slope at the start.
const FLAT: f64 = 1e-4;

/// Where another number ends the walk in another place.
#[allow(dead_code)] // as in `fit`
pub fn rules() -> (usize, usize, f64) {
    (MEMORY, STEPS, FLAT)
}

/// Walks down from `at`. `slope(at, out)` writes the gradient to `out` and returns the height.
pub fn descend(mut at: Vec<f64>, slope: &mut dyn FnMut(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let mut gradient = vec![0.0; at.len()];
    let mut height = slope(&at, &mut gradient);
    let start = dot(&gradient, &gradient).sqrt();
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    for _ in 0..STEPS {
        if dot(&gradient, &gradient).sqrt() <= FLAT * start {
            break;
        }
        let way = direction(&gradient, &memory);
        let descent = dot(&way, &gradient);
        let mut length = if memory.is_empty() { 1.0 / start.max(1.0) } else { 1.0 };
        let (next, next_height, next_gradient) = loop {
            let next: Vec<f64> = at.iter().zip(&way).map(|(x, d)| x + length * d).collect();
            let mut next_gradient = vec![0.0; at.len()];
            let next_height = slope(&next, &mut next_gradient);
            if next_height <= height + 1e-4 * length * descent {
                break (next, next_height, next_gradient);
            }
            length /= 2.0;
            if length < 1e-10 {
                return at;
            }
        };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(x, y)| x - y).collect();
        let turned: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(x, y)| x - y).collect();
        let curve = dot(&moved, &turned);
        if curve > 1e-12 {
            memory.push_back((moved, turned, 1.0 / curve));
        }
        if memory.len() > MEMORY {
            memory.pop_front();
        }
        (at, height, gradient) = (next, next_height, next_gradient);
    }
    at
}

/// The way down: minus the gradient, bent by what the remembered steps tell of the curvature.
fn direction(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut way: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, turned, inverse) in memory.iter().rev() {
        let share = inverse * dot(moved, &way);
        add(&mut way, -share, turned);
        shares.push(share);
    }
    if let Some((moved, turned, _)) = memory.back() {
        let scale = dot(moved, turned) / dot(turned, turned);
        way.iter_mut().for_each(|d| *d *= scale);
    }
    for ((moved, turned, inverse), share) in memory.iter().zip(shares.iter().rev()) {
        let back = inverse * dot(turned, &way);
        add(&mut way, share - back, moved);
    }
    way
}

fn add(to: &mut [f64], times: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(x, y)| *x += times * y);
}

fn dot(one: &[f64], two: &[f64]) -> f64 {
    one.iter().zip(two).map(|(x, y)| x * y).sum()
}
