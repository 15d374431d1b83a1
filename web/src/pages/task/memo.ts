import { Component, createElement, type ComponentType, type FunctionComponent } from "preact";

/** A component that is drawn again only when its properties are not the same: what preact/compat would be loaded for. */
export function memo<P extends object>(of: FunctionComponent<P>, same: (a: P, b: P) => boolean): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P) {
      return !same(this.props as P, next);
    }
    override render() {
      return createElement(of, this.props as P);
    }
  };
}
