#pragma once

namespace kronwerk::operators {

/// The unevaluated sum of two doubles, for sums whose rounding errors must not add up.
struct DoubleDouble {
  double high = 0;
  double low = 0;

  double value() const { return high + low; }
};

/// sum += value, the rounding error kept (TwoSum of Knuth 1969; the cascaded sum of Ogita, Rump and
/// Oishi 2005): n additions err by at most 2 ε² n Σ|value| before the final rounding.
inline void add(DoubleDouble& sum, double value) {
  const double total = sum.high + value;
  const double part = total - sum.high;
  sum.low += (sum.high - (total - part)) + (value - part);
  sum.high = total;
}

inline void add(DoubleDouble& sum, const DoubleDouble& value) {
  add(sum, value.high);
  sum.low += value.low;
}

}  // namespace kronwerk::operators
