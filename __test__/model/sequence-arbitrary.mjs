/** A list that always has `length` items when it is made, and any fewer when it is shrunk. */
import fc from "fast-check";

class Sequence extends fc.Arbitrary {
  #exact;
  #shorter;

  constructor(item, length) {
    super();
    this.#exact = fc.array(item, { minLength: length, maxLength: length });
    this.#shorter = fc.array(item, { minLength: 0, maxLength: length });
  }

  generate(random, biasFactor) {
    return this.#exact.generate(random, biasFactor);
  }

  canShrinkWithoutContext(value) {
    return this.#shorter.canShrinkWithoutContext(value);
  }

  shrink(value, context) {
    return this.#shorter.shrink(value, context);
  }
}

export const sequence = (item, length) => new Sequence(item, length);
