import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { expect } from './platform-test';

/** Waits until nothing of the page is on its way any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
}

/**
 * Fails when axe finds anything serious or critical in the light scheme, or contrast that is too weak in the dark one:
 * nothing else depends on the scheme.
 */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  const axe = () => new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await axe().analyze();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
  const dark = await axe().withRules(['color-contrast']).analyze();
  await page.emulateMedia({ colorScheme: 'light' });
  const found = [...light.violations, ...dark.violations]
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary })));
  expect.soft(found, `${what}: findings of axe`).toEqual([]);
}

/** Fails when the page is wider than a phone. */
export async function expectToFitPhone(page: Page, what: string): Promise<void> {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 800 });
  await expect.soft
    .poll(() => page.evaluate<string[]>(beyondTheEdge), { message: `${what}: beyond the edge at 390 pixels` })
    .toEqual([]);
  if (size) await page.setViewportSize(size);
}

/** Goes to a page and looks at it once it is whole: everybody can read it, in both schemes and on a phone. */
export async function expectReadable(page: Page, what: string, at: string): Promise<void> {
  await page.goto(at);
  await settled(page);
  await expectAccessible(page, what);
  await expectToFitPhone(page, what);
}

/** Presses Tab until `target` has the focus. Fails when a stop on the way does not show that it has it. */
export async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await expect(target).toBeVisible();
  const reached = page.locator(':focus').and(target);
  for (let presses = 0; presses < 100; presses++) {
    await page.keyboard.press(key);
    await expect
      .poll(() => page.evaluate<string | null>(hiddenFocus), { message: 'the focus is to be seen' })
      .toBe(null);
    if ((await reached.count()) > 0) return;
  }
  throw new Error(`${String(target)} is not reached by ${key}.`);
}

// What runs in the page is text, because the types of a browser are not those of the tests.

/** What lies beyond the right edge; only when the page itself scrolls, because tables scroll on their own. */
const beyondTheEdge = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const beyond = [...document.body.querySelectorAll('*')].filter(
    (element) => element.getBoundingClientRect().right > clientWidth + 1,
  );
  return beyond.slice(0, 5).map((element) => element.outerHTML.slice(0, 300));
})()`;

/**
 * The element that has the focus without showing it by an outline (radio buttons that are drawn by their labels: there)
 * or, in a field, by a border unlike that of a twin without the focus; null when all is well.
 */
const hiddenFocus = `(() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const near = [focused, focused.nextElementSibling, focused.parentElement].filter((element) => element !== null);
  const isOutlined = near.some((element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
  });
  if (isOutlined) return null;
  const twin = focused.cloneNode();
  focused.after(twin);
  const isMarked = getComputedStyle(twin).borderColor !== getComputedStyle(focused).borderColor;
  twin.remove();
  return isMarked ? null : focused.outerHTML.slice(0, 300);
})()`;
