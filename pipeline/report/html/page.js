// The page of a run or a report.

function shownIn(host, item) {
  return new OnePicture(host, item);
}

begin();
