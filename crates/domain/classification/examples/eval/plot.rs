//! Draws confidence against accuracy as an SVG. Must not compute any figure.

use crate::measure::Figures;
use std::fmt::Write;

/// The square in which both axes run from 0 to 1.
const LEFT: f64 = 56.0;
const TOP: f64 = 44.0;
const SIDE: f64 = 380.0;

/// A point per bin, as large as the bin is full, beside the line on which it should lie; below it the share of messages at
/// each confidence or above, and how much of it is right.
pub fn reliability(figures: &Figures) -> String {
    let mut svg = String::from(concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 520" font-family="sans-serif" font-size="12">"#,
        "\n<rect width=\"480\" height=\"520\" fill=\"#fff\"/>\n",
    ));
    let x = |share: f64| LEFT + share * SIDE;
    let y = |share: f64| TOP + (1.0 - share) * SIDE;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"24\" font-size=\"14\">{} messages: {:.1} % right, expected calibration error {:.1} %</text>",
        figures.messages,
        figures.type_and_key * 100.0,
        figures.expected_calibration_error * 100.0,
    );
    for step in 0..=10 {
        let share = f64::from(step) / 10.0;
        let (x, y, end) = (x(share), y(share), LEFT + SIDE);
        let _ = writeln!(svg, "<path d=\"M{x:.0} {TOP}V{:.0}M{LEFT} {y:.0}H{end}\" stroke=\"#ddd\"/>", TOP + SIDE);
        let _ =
            writeln!(svg, "<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{share:.1}</text>", TOP + SIDE + 18.0);
        let _ =
            writeln!(svg, "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{share:.1}</text>", LEFT - 8.0, y + 4.0);
    }
    let diagonal = format!("M{:.0} {:.0}L{:.0} {:.0}", x(0.0), y(0.0), x(1.0), y(1.0));
    let _ = writeln!(svg, "<path d=\"{diagonal}\" stroke=\"#888\" stroke-dasharray=\"5 4\"/>");
    line(&mut svg, "#2b8a3e", figures.curve.iter().map(|point| (x(point.threshold), y(point.coverage))));
    line(&mut svg, "#c92a2a", figures.curve.iter().map(|point| (x(point.threshold), y(point.precision))));
    for bin in figures.bins.iter().filter(|bin| bin.count > 0) {
        let radius = 3.0 + 25.0 * (bin.count as f64 / figures.messages.max(1) as f64).sqrt();
        let (x, y) = (x(bin.confidence), y(bin.accuracy));
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"#1c7ed6\" fill-opacity=\"0.55\"><title>{} messages</title></circle>",
            bin.count
        );
    }
    let legend = [("#1c7ed6", "right in a tenth"), ("#2b8a3e", "share at or above"), ("#c92a2a", "right of it")];
    for (at, (colour, words)) in legend.into_iter().enumerate() {
        let x = LEFT + at as f64 * 130.0;
        let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{:.0}\" fill=\"{colour}\">● {words}</text>", TOP + SIDE + 66.0);
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">confidence</text>",
        x(0.5),
        TOP + SIDE + 40.0
    );
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, colour: &str, points: impl Iterator<Item = (f64, f64)>) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
        points.join(" ")
    );
}
