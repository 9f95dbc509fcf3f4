// Charts over one timeline, linked: the moment that is shown, and the place under the pointer, stand
// in all of them, in whichever part of the page they are.

class ChartsViewer extends Viewer {
  constructor(root) {
    super(root);
    this.charts = [];
    this.followPointer = () => this.drawCharts();
  }

  turnTo(moment) {
    this.moment?.followers.delete(this.followPointer);
    super.turnTo(moment);
    moment.followers.add(this.followPointer);
  }

  close() {
    this.moment?.followers.delete(this.followPointer);
    super.close();
  }

  get own() {
    return this.feeds.this;
  }

  lines(chart) {
    return figure(chart.words, (svg, size, news, own) => drawLines(svg, size, chart, news, own),
      (at) => this.moment.point(at));
  }

  // Where the timeline ends: at a step, or when the longer run has ended.
  end() {
    const { look_back: lookBack, by_time: byTime } = this.data;
    if (!byTime) return lookBack.steps;
    const seconds = Object.values(this.feeds).map((feed) => feed.evaluations.seconds?.at(-1) ?? 0);
    return Math.max(0.1, ...(this.own?.last?.live ? seconds.slice(0, 1) : seconds));
  }

  compared() {
    return Object.fromEntries(Object.entries(this.feeds).filter(([name]) =>
      name === "this" || this.data.comparable));
  }

  drawCharts() {
    const feeds = this.compared(), byTime = this.data.by_time;
    const place = (run, step) => (byTime ? secondsAt(feeds[run].evaluations, step) : step);
    const news = { feeds, shown: this.moment.at, hover: this.moment.hover, end: this.end(), place };
    for (const chart of this.charted()) chart.redraw(news);
  }
}

// All charts of the section that is opened for them.
class MeasurementsViewer extends ChartsViewer {
  prepare() {
    const { charts, rotation } = this.data, drawn = JSON.stringify([charts, rotation]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.charts = charts.map((chart) => this.lines(chart));
    this.charts.push(figure(rotation.words,
      (svg, size, news, own) => drawRotation(svg, size, rotation, news, own),
      (at) => this.moment.point(at)));
    this.find(".charts").replaceChildren(...this.charts);
  }

  charted() {
    return this.charts;
  }

  render() {
    this.drawCharts();
  }
}
