import { render } from "preact";
import { beginSession } from "./api/gate";
import { App } from "./app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";

const root = document.getElementById("app");
beginSession();
if (root) render(<App />, root);
