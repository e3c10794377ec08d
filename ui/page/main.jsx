/** Puts the page together. */
import { render } from "preact";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/controls.css";
import "./style/table.css";
import "./style/values.css";
import "./style/history.css";
import "./style/charts.css";
import "./style/panels.css";
import "uplot/dist/uPlot.min.css";
import { App } from "./app.jsx";
import { keepFocusInSight } from "./browser/focus.js";

keepFocusInSight();
render(<App />, document.getElementById("page"));
