import { LinkButton } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { Card, Page } from "../../ui/page";

export default function NotFoundPage() {
  return (
    <Page title="Page not found">
      <Card>
        <EmptyState icon="search" title="There is nothing at this address" action={<LinkButton href="/" variant="primary">Go to the overview</LinkButton>}>
          The link may be old, or the address mistyped.
        </EmptyState>
      </Card>
    </Page>
  );
}
