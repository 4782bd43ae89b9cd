/**
 * The types of Footfall's page API: `window.footfall`, once the tag is in the page.
 *
 * ```html
 * <script async src="https://edge.example/footfall.js" data-site="FF-…"></script>
 * ```
 *
 * Attributes of the tag:
 * - `data-site`: the website's tracking id. Required.
 * - `data-edge`: the edge that events go to. Default: the origin that the script came from.
 * - `data-consent`: `granted` or `denied`, when it is known as the page is made. A denial by call is later than that and stands until a
 *   call grants again.
 * - `data-storage`: `none` keeps nothing in the browser, whatever the consent.
 * - `data-fragments`: present, another `#fragment` is another page.
 * - `data-auto`: `off` counts no page views by itself, neither at load nor on navigation.
 * - `data-signals`: `report` sends in spite of Global Privacy Control and Do Not Track, says so in every batch, and leaves the
 *   decision to the edge. Default: with either of them nothing is queued, fetched or sent.
 *
 * To call it before the tag is loaded:
 * `window.footfall ||= function () { (footfall.q ||= []).push(arguments) }`
 */
declare global {
  interface Window {
    footfall: Footfall;
  }
  // eslint-disable-next-line no-var
  var footfall: Footfall;
}

export interface Footfall {
  /** Counts a page view, where the page knows better than the address bar. Ends the engagement of the one before. */
  (name: "pageview", fields?: Fields): void;
  /**
   * What the visitor allowed. It holds for every page of this origin with the same tracking id, in all tabs at once and for pages that
   * are opened later. Granted, the browser keeps a visitor's and a session's id in local storage (`footfall:ID`) and sends them;
   * denied, it forgets them and keeps only that it was denied (`footfall-denied:ID`). Until there was an answer nothing is stored.
   */
  (name: "consent", answer: "granted" | "denied"): void;
  /** Counts an event: `event`, `transaction`, or a name of the site's own. */
  (name: string, fields?: Fields): void;
  /** Calls from before the tag was loaded. */
  q?: ArrayLike<unknown>[];
  /** The tracking id, once the tag is loaded. */
  readonly site?: string;
}

/** Texts are kept up to 512 bytes; a number may be given as a text and the other way round. */
export interface Fields {
  category?: Text;
  action?: Text;
  label?: Text;
  value?: Numeric;

  /**
   * What brought the visit, in a session's first event; what is not given is read from the address and the referrer by the edge.
   * `source` is a class (`organic`, `paid`, `direct`, `referral`, `social`, `email`, `display`, `affiliate`, `ai`, `other`), or else the
   * name of who sent the visit, as `source_name` is.
   */
  source?: Text;
  source_name?: Text;
  medium?: Text;
  campaign?: Text;
  keyword?: Text;
  content?: Text;

  transaction_id?: Text;
  transaction_revenue?: Numeric;
  transaction_tax?: Numeric;
  transaction_shipping?: Numeric;
  product_sku?: Text;
  product_name?: Text;
  product_category?: Text;
  product_price?: Numeric;
  product_quantity?: Numeric;

  custom_dimensions?: Partial<Record<Slot, Text>>;
  custom_metrics?: Partial<Record<Slot, Numeric>>;

  /** Absolute; in place of the address bar's (page views only). */
  page_url?: string;
  /** In place of the document's. */
  page_title?: string;
  /** In place of the page before. */
  page_referrer?: string;
}

export type Text = string | number | boolean | null;
export type Numeric = number | string | null;
export type Slot = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20;
