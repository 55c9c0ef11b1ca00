// Where a pixel is (place.py), the edge of a field, a scale that is easy to read.

/** mm of a pixel in a system that is given as [first, down, along]. */
function millimetres([first, down, along], row, column) {
  return first.map((start, axis) => start + row * down[axis] + column * along[axis]);
}

function shown(numbers, digits = 2) {
  return numbers.map((number) => (Math.abs(number) < 0.5 * 10 ** -digits ? 0 : number).toFixed(digits)).join(", ");
}

/** The place of a pixel, as text for people and as numbers. */
function placeOf(place, row, column) {
  if (place.kind === "patient") {
    const mm = millimetres(place.main, row, column);
    return {mm, text: `patient x, y, z ${shown(mm)} mm`};
  }
  if (place.kind === "receptor") {
    const mm = millimetres(place.main, row, column);
    const gantry = millimetres(place.gantry, row, column);
    let text = `x, y ${shown(mm)} mm on the receptor`;
    const isocentre = place.isocentre && gantry.map((each) => each * place.isocentre);
    if (isocentre) text += `; ${shown(isocentre)} mm at the isocentre`;
    return {mm, gantry, isocentre, text};
  }
  if (place.kind === "spacing") {
    const mm = [column * place.spacing[1], row * place.spacing[0]];
    return {mm: null, text: `${shown(mm)} mm along and down from the first pixel; its place is not known`};
  }
  return {mm: null, text: "no spacing is known"};
}

/** 1, 2 or 5 times a power of ten, at most the given length. */
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].find((factor) => factor * power <= most) * power;
}

/** Levels of the values below which lie the given parts of them. */
function percentiles(values, parts) {
  const step = Math.max(1, Math.floor(values.length / 65536));
  const some = [];
  for (let at = 0; at < values.length; at += step) if (Number.isFinite(values[at])) some.push(values[at]);
  some.sort((one, other) => one - other);
  return parts.map((part) => some[Math.round(part * (some.length - 1))] ?? 0);
}

const MOST_SEGMENTS = 150000;
/** Between which corners of four (top left, top right, bottom right, bottom left) a line runs, by what is high. */
const SEGMENTS = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];

/** The line through a level, in (column, row) of pixel centres; between pixels by linear interpolation. */
function contour(values, rows, columns, level) {
  const path = new Path2D();
  let count = 0;
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const at = row * columns + column;
      const corner = [values[at], values[at + 1], values[at + columns + 1], values[at + columns]];
      const high = corner.reduce((bits, value, number) => bits | (value > level ? 1 << number : 0), 0);
      for (const [from, to] of SEGMENTS[high]) {
        path.moveTo(...crossing(corner, from, row, column, level));
        path.lineTo(...crossing(corner, to, row, column, level));
        count += 1;
      }
    }
    if (count > MOST_SEGMENTS) return null;
  }
  return path;
}

const SIDES = [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0]];

function crossing(corner, side, row, column, level) {
  const [one, other] = [corner[side], corner[(side + 1) % 4]];
  const part = one === other ? 0.5 : (level - one) / (other - one);
  const [rowA, columnA, rowB, columnB] = SIDES[side];
  return [column + columnA + part * (columnB - columnA), row + rowA + part * (rowB - rowA)];
}
