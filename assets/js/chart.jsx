// Price and equity charts on lightweight-charts. Created once; later values only feed them.
import { createElement, useEffect, useRef, useState } from "react";
import {
  createChart, createSeriesMarkers, AreaSeries, BaselineSeries, CandlestickSeries, ColorType, CrosshairMode,
  HistogramSeries, LineSeries, LineStyle, LineType,
} from "lightweight-charts";
import { useT } from "./i18n.jsx";
import { group, useZone, wall } from "./time.jsx";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fade = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, "0");

// the axis and the crosshair tell the reader's own time
const DAY = 2; // tick marks: 0 year, 1 month, 2 day, 3 and 4 times of day
const axis = (s, type) => (type > DAY && wall(s * 1000).slice(11, 16) !== "00:00" ? wall(s * 1000).slice(11, 16) : type > 1 ? wall(s * 1000).slice(5, 10) : wall(s * 1000).slice(0, 7));

const look = () => ({
  localization: { timeFormatter: (s) => wall(s * 1000).slice(0, 16) },
  layout: {
    background: { type: ColorType.Solid, color: "transparent" }, textColor: css("--text-3"),
    fontFamily: css("--font"), fontSize: 12, panes: { separatorColor: css("--line"), enableResize: false },
  },
  grid: { vertLines: { visible: false }, horzLines: { color: css("--line") } },
  rightPriceScale: { borderVisible: false },
  timeScale: { borderColor: css("--line-2"), timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: axis },
  crosshair: {
    mode: CrosshairMode.Magnet,
    vertLine: { color: css("--text-3"), style: LineStyle.Dashed, width: 1, labelBackgroundColor: css("--field-2") },
    horzLine: { color: css("--text-3"), style: LineStyle.Dashed, width: 1, labelBackgroundColor: css("--field-2") },
  },
});

// run again when the theme class or the money pair on <html> changes
function onTheme(fn) {
  const watch = new MutationObserver(fn);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-money"] });
  return () => watch.disconnect();
}

const LINE = { entry: "--series-2", stop: "--down", target: "--up", liquidation: "--warn", mark: "--inverse" };

function priceLine(line) {
  const colour = css(LINE[line.kind] || "--text-3");
  const ink = line.kind === "mark" ? css("--inverse-ink") : css("--money-ink");
  return {
    price: Number(line.price), title: line.title || "", color: colour, axisLabelColor: colour, axisLabelTextColor: ink,
    axisLabelVisible: true, lineWidth: 1, lineStyle: line.kind === "entry" ? LineStyle.Solid : line.kind === "mark" ? LineStyle.Dotted : LineStyle.Dashed,
  };
}

// candles [{time,open,high,low,close,volume}] ascending UTC seconds; last: newest bar alone;
// markers [{time, kind: "entry"|"exit", side, text}]; lines [{kind, price, title}]
export function LwChart({ candles, last, markers, lines, height, precision = 2, label, replay, onBarClick }) {
  const t = useT();
  const box = useRef(null);
  const place = useZone();
  const ref = useRef(null);
  const readout = useRef(null);
  const [upTo, setUpTo] = useState(0);
  const [plays, setPlays] = useState(false);
  const click = useRef();
  const fresh = useRef({});
  click.current = onBarClick;
  fresh.current = { candles, markers, lines };
  const bars = (x, list) => {
    x.price.setData(list.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })));
    x.volume.setData(list.map((b) => volumeBar(b)));
  };
  const volumeBar = (b) => ({ time: b.time, value: b.volume ?? 0, color: fade(css(b.close >= b.open ? "--up" : "--down"), 0.4) });
  const marks = (x, list) => x.marks.setMarkers((list ?? []).map((m) => ({
    time: m.time, text: m.text || "", color: css("--text"),
    position: m.side === "SHORT" ? "aboveBar" : "belowBar", shape: m.kind === "exit" ? "circle" : m.side === "SHORT" ? "arrowDown" : "arrowUp",
  })));
  const drawLines = (x, list) => {
    x.lines.forEach((one) => x.price.removePriceLine(one));
    x.lines = (list ?? []).filter((l) => Number(l.price) > 0).map((l) => x.price.createPriceLine(priceLine(l)));
  };
  const paint = (x) => {
    x.chart.applyOptions(look());
    x.price.applyOptions({ upColor: css("--up"), downColor: css("--down"), wickUpColor: css("--up"), wickDownColor: css("--down"), borderVisible: false });
    bars(x, fresh.current.candles ?? []);
    marks(x, fresh.current.markers);
    drawLines(x, fresh.current.lines);
  };
  useEffect(() => {
    const chart = createChart(box.current, { autoSize: true, ...look() });
    const price = chart.addSeries(CandlestickSeries, { priceLineVisible: false });
    const volume = chart.addSeries(HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "", lastValueVisible: false, priceLineVisible: false });
    volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    price.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.18 } });
    const x = { chart, price, volume, marks: createSeriesMarkers(price, []), lines: [] };
    ref.current = x;
    box.current.ibChart = x;
    paint(x);
    chart.subscribeClick((event) => event.time && click.current?.(event.time));
    chart.subscribeCrosshairMove((event) => {
      const bar = event.seriesData?.get(price);
      if (readout.current) readout.current.textContent = bar ? `O ${bar.open}  H ${bar.high}  L ${bar.low}  C ${bar.close}` : "";
    });
    const off = onTheme(() => paint(x));
    return () => {
      off();
      chart.remove();
      ref.current = null;
    };
  }, []);
  useEffect(() => {
    ref.current?.price.applyOptions({ priceFormat: { type: "price", precision, minMove: 1 / 10 ** precision } });
  }, [precision]);
  useEffect(() => {
    const x = ref.current;
    setUpTo(0);
    if (!x || !candles) return;
    bars(x, candles);
    x.chart.timeScale().fitContent();
  }, [candles]);
  // how it went, bar by bar: what came later is not there yet
  const first = Math.max(1, (candles ?? []).findIndex((bar) => bar.time >= (markers?.[0]?.time ?? Infinity)) - 8);
  const all = candles?.length ?? 0;
  useEffect(() => {
    const x = ref.current;
    if (!x || !all) return undefined;
    const shown = upTo ? candles.slice(0, upTo) : candles;
    bars(x, shown);
    marks(x, upTo ? (markers ?? []).filter((m) => m.time <= shown.at(-1).time) : markers);
    if (upTo) x.chart.timeScale().setVisibleLogicalRange({ from: first - 12, to: Math.min(all, Math.max(upTo, first + 24)) + 4 });
    if (!plays) return undefined;
    if (upTo >= all) {
      setPlays(false);
      return undefined;
    }
    const next = setTimeout(() => setUpTo(upTo + 1), 250);
    return () => clearTimeout(next);
  }, [upTo, plays]);
  const play = () => {
    if (!plays && (!upTo || upTo >= all)) setUpTo(first);
    setPlays(!plays);
  };
  const walk = replay && all > 1 ? createElement("div", { className: "row replay" },
    createElement("button", { type: "button", className: "btn sm", onClick: play, "aria-pressed": plays }, t(plays ? "chart.pause" : "chart.replay")),
    createElement("input", {
      type: "range", min: Math.min(first, all), max: all, value: upTo || all, "aria-label": t("chart.replay_at"),
      "aria-valuetext": wall((candles[(upTo || all) - 1]?.time ?? 0) * 1000).slice(0, 16),
      onChange: (event) => { setPlays(false); setUpTo(Number(event.target.value)); },
    })) : null;
  useEffect(() => {
    const x = ref.current;
    if (!x || !last?.time) return;
    const shown = x.price.data().at(-1);
    if (shown && last.time < shown.time) return;
    x.price.update({ time: last.time, open: last.open, high: last.high, low: last.low, close: last.close });
    x.volume.update(volumeBar(last));
  }, [last]);
  useEffect(() => { ref.current?.chart.applyOptions(look()); }, [place]);
  useEffect(() => { if (ref.current) marks(ref.current, markers); }, [markers]);
  useEffect(() => {
    if (!ref.current) return;
    // the mark has its own white tag
    ref.current.price.applyOptions({ lastValueVisible: !(lines ?? []).some((line) => line.kind === "mark") });
    drawLines(ref.current, lines);
  }, [lines]);
  return createElement("div", { className: "chart" },
    createElement("div", { className: "ohlc", ref: readout, style: { minHeight: 16 } }),
    createElement("div", { ref: box, style: { width: "100%", height: height || "320px" }, role: "figure", "aria-label": label || t("chart.price") }), walk);
}

// points [{time, equity, peak, drawdown}] ascending UTC seconds, drawdown in percent (<= 0)
export function EquityChart({ points, height, label }) {
  const t = useT();
  const box = useRef(null);
  const place = useZone();
  const ref = useRef(null);
  const tip = useRef(null);
  const words = useRef(t);
  const data = useRef(points);
  words.current = t;
  data.current = points;
  const feed = (x) => {
    const list = data.current ?? [];
    x.equity.setData(list.map((p) => ({ time: p.time, value: p.equity })));
    x.peak.setData(list.map((p) => ({ time: p.time, value: p.peak })));
    x.under.setData(list.map((p) => ({ time: p.time, value: p.drawdown })));
    x.byTime = new Map(list.map((p) => [p.time, p]));
    // half a label of room on the left, else the first time is cut off
    const room = (list.length * 32) / Math.max(320, box.current?.clientWidth ?? 0);
    if (list.length) x.chart.timeScale().setVisibleLogicalRange({ from: -room, to: list.length - 1 });
  };
  const paint = (x) => {
    x.chart.applyOptions(look());
    x.chart.applyOptions({ timeScale: { rightOffset: 0 } });
    const line = css("--series-1");
    x.equity.applyOptions({ lineColor: line, topColor: fade(line, 0.2), bottomColor: fade(line, 0), lineWidth: 2, priceLineVisible: false });
    x.peak.applyOptions({ color: css("--series-2"), lineWidth: 1, lineStyle: LineStyle.Dashed, lineType: LineType.WithSteps, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
    const down = css("--down");
    x.under.applyOptions({ bottomLineColor: down, bottomFillColor1: fade(down, 0.08), bottomFillColor2: fade(down, 0.28), topLineColor: down, topFillColor1: "transparent", topFillColor2: "transparent", lineWidth: 1, priceLineVisible: false });
  };
  useEffect(() => {
    const chart = createChart(box.current, { autoSize: true, ...look(), handleScroll: { vertTouchDrag: false } });
    const money = { priceFormat: { type: "custom", minMove: 0.01, formatter: (v) => group(v, Math.abs(v) < 1000 ? 2 : 0) } };
    const peak = chart.addSeries(LineSeries, money);
    const equity = chart.addSeries(AreaSeries, money);
    const under = chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: 0 }, priceFormat: { type: "custom", minMove: 0.01, formatter: (v) => `${group(v, 1)} %` } }, 1);
    const x = { chart, equity, peak, under, byTime: new Map() };
    ref.current = x;
    box.current.ibChart = x;
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    paint(x);
    feed(x);
    // another width (a phone that is turned) shows the whole course again
    chart.timeScale().subscribeSizeChange(() => chart.timeScale().fitContent());
    chart.subscribeCrosshairMove((event) => {
      const p = event.time && event.point ? x.byTime.get(event.time) : null;
      const node = tip.current;
      if (!node) return;
      node.hidden = !p;
      if (!p) return;
      const rows = [
        [wall(p.time * 1000).slice(0, 16), ""],
        [words.current("chart.equity"), group(p.equity, 2)], [words.current("chart.peak"), group(p.peak, 2)],
        [words.current("chart.drawdown"), `${group(p.drawdown, 2)} %`],
      ];
      node.replaceChildren(...rows.map(([a, b]) => {
        const row = document.createElement("div");
        row.append(Object.assign(document.createElement("span"), { textContent: a }), Object.assign(document.createElement("b"), { textContent: b }));
        return row;
      }));
      const wide = box.current.clientWidth;
      node.style.left = `${event.point.x + 180 > wide ? event.point.x - 172 : event.point.x + 12}px`;
      node.style.top = `${Math.max(4, event.point.y - 20)}px`;
    });
    const off = onTheme(() => paint(x));
    return () => {
      off();
      chart.remove();
      ref.current = null;
    };
  }, []);
  useEffect(() => { ref.current?.chart.applyOptions(look()); ref.current?.chart.applyOptions({ timeScale: { rightOffset: 0 } }); }, [place]);
  useEffect(() => { if (ref.current) feed(ref.current); }, [points]);
  return createElement("div", { className: "chart" },
    createElement("div", { ref: box, style: { width: "100%", height: height || "340px" }, role: "figure", "aria-label": label || t("chart.label") }),
    createElement("div", { ref: tip, className: "tip", hidden: true }));
}
