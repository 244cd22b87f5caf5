import { render } from "preact";
import { App, begin } from "./App";
import "./styles/base.css";

begin();
const root = document.getElementById("app");
if (root) render(<App />, root);
