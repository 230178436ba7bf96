/** What axe finds wrong with a page as it is shown now: nothing, if all is well. */

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";

export async function axeFindings(page: Page): Promise<ReadonlyArray<string>> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  return violations.map(({ id, nodes }) => `${page.url()} ${id}: ${nodes[0]?.html}`);
}
