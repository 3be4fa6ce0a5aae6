import { outage } from "../parts/polled";

/** Says what is away, for as long as it is. */
export function Banner() {
  return (
    <div role="alert" class="banner-place">
      {outage.value && (
        <p class="banner">
          <strong>{outage.value}</strong> What is shown may be old; asking again every few seconds.
        </p>
      )}
    </div>
  );
}
