#pragma once

namespace kronwerk::core {

/// What this process has computed since it began, as far as it is counted: by products and solves
/// along modes.
struct Work {
  double flops = 0;  ///< multiplications and additions of floating-point numbers
};

/// Of this process. Only the main thread may change or read it.
Work& work() noexcept;

}  // namespace kronwerk::core
