// Lines, marks and names over a picture, and a scale.

function drawOverlays(context, viewer, at, width, height) {
  const point = ([column, row]) => [at.x + (column + 0.5) * at.sx, at.y + (row + 0.5) * at.sy];
  const {picture, hidden} = viewer;
  for (const overlay of picture.overlays) {
    if (!hidden.has(overlay.name)) drawOverlay(context, overlay, point);
  }
  if (viewer.edge && !hidden.has("edge")) {
    context.save();
    context.translate(at.x + at.sx / 2, at.y + at.sy / 2);
    context.scale(at.sx, at.sy);
    context.lineWidth = 1.5 / at.sx;
    context.strokeStyle = COLOURS.edge;
    context.stroke(viewer.edge);
    context.restore();
  }
  if (!hidden.has("scale") && picture.place.spacing) drawScale(context, picture.place, at, width, height);
  if (picture.place.edges && !hidden.has("directions")) drawDirections(context, picture.place.edges, width, height);
  if (viewer.view.cursor) drawCursor(context, point([viewer.view.cursor[1], viewer.view.cursor[0]]));
}

function drawOverlay(context, overlay, point) {
  context.strokeStyle = COLOURS[overlay.name] ?? "#fff";
  context.lineWidth = 1.5;
  for (const line of overlay.lines) {
    context.beginPath();
    line.forEach((each, number) => context[number ? "lineTo" : "moveTo"](...point(each)));
    context.stroke();
  }
  for (const [name, column, row] of overlay.labels) written(context, name, ...point([column, row]));
  for (const mark of overlay.marks) {
    const [x, y] = point(mark);
    context.beginPath();
    context.moveTo(x - 9, y);
    context.lineTo(x + 9, y);
    context.moveTo(x, y - 9);
    context.lineTo(x, y + 9);
    context.stroke();
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.stroke();
  }
}

function written(context, text, x, y, align = "center") {
  context.font = "13px system-ui, sans-serif";
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

function drawScale(context, place, at, width, height) {
  const perMillimetre = at.sx / place.spacing[1];
  const length = roundLength((width * 0.3) / perMillimetre);
  const [x, y] = [14, height - 14];
  for (const [colour, size] of [["#000", 5], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = size;
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x, y);
    context.lineTo(x + length * perMillimetre, y);
    context.lineTo(x + length * perMillimetre, y - 4);
    context.stroke();
  }
  const where = place.kind === "receptor" && place.sid ? ` at SID ${Number(place.sid.toFixed(1))} mm` : "";
  written(context, `${length} mm${where}`, x, y - 14, "left");
}

function drawDirections(context, [left, right, top, bottom], width, height) {
  written(context, left, 12, height / 2);
  written(context, right, width - 12, height / 2);
  written(context, top, width / 2, 12);
  written(context, bottom, width / 2, height - 12);
}

function drawCursor(context, [x, y]) {
  for (const [colour, size] of [["#000", 3], ["#fff", 1]]) {
    context.strokeStyle = colour;
    context.lineWidth = size;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 11 * dx, y + 11 * dy);
    }
    context.stroke();
  }
}
