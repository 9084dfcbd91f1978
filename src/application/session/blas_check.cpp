#include "application/session/blas_check.hpp"

#include <cblas.h>

#include <array>
#include <string>
#include <string_view>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

/// Sizes whose next four bytes are set: read as a 64-bit integer they are negative, which BLAS
/// refuses instead of writing somewhere.
bool dgemm_answers() {
  const std::array<int, 2> two{2, -1};
  const double one = 1;
  const double zero = 0;
  const std::array<double, 4> a{1, 3, 2, 4};
  const std::array<double, 4> b{5, 7, 6, 8};
  const std::array<double, 4> expected{19, 43, 22, 50};
  std::array<double, 4> c{};
  dgemm_("N", "N", two.data(), two.data(), two.data(), &one, a.data(), two.data(), b.data(),
         two.data(), &zero, c.data(), two.data(), 1, 1);
  return c == expected;
}

}  // namespace

void prepare_blas(int threads) {
  const std::string_view configuration = openblas_get_config();
  if (configuration.find("USE64BITINT") != std::string_view::npos || !dgemm_answers()) {
    throw core::InternalError(
        "the BLAS library that was loaded has 64-bit integers (" + std::string(configuration) +
        "), kronwerk needs the one with 32-bit integers: install libopenblas0-pthread and start "
        "with LD_PRELOAD=libopenblas.so.0");
  }
  openblas_set_num_threads(threads);
}

}  // namespace kronwerk::application
