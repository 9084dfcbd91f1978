#include "kronwerk/factors/base/blas_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "factors/base/lapack.hpp"

namespace kronwerk::factors {
namespace {

std::string file_of_dgemm() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&dgemm_), &info) == 0 || info.dli_fname == nullptr) return "";
  return info.dli_fname;
}

/// A function of the BLAS that answers, or of what it is linked with; null if it has none. The
/// libraries stand first to be asked each: another BLAS may have functions of the same names.
template <typename Function>
Function* find_function(const char* name) {
  static void* const library = dlopen(file_of_dgemm().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

BlasLibrary find_blas() {
  BlasLibrary found{file_of_dgemm(), "", ""};
  if (auto* openblas = find_function<char*()>("openblas_get_config")) {
    found.version = openblas();
    if (auto* core = find_function<char*()>("openblas_get_corename")) found.core = core();
  } else if (auto* blis = find_function<const char*()>("bli_info_get_version_str")) {
    found.version = fmt::format("BLIS {}", blis());
  } else if (auto* mkl = find_function<void(char*, int)>("mkl_get_version_string")) {
    std::array<char, 200> text{};
    mkl(text.data(), static_cast<int>(text.size()) - 1);
    found.version = text.data();
  }
  while (!found.version.empty() && found.version.back() == ' ') found.version.pop_back();
  return found;
}

std::string lapack_version() {
  int major = 0, minor = 0, patch = 0;
  ilaver_(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

// Sizes whose next four bytes are set: read as a 64-bit integer they are negative, which BLAS
// refuses instead of writing somewhere.
bool blas_answers() {
  if (find_blas().version.find("USE64BITINT") != std::string::npos) return false;
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

void set_blas_threads(int threads) {
  for (const char* name : {"openblas_set_num_threads", "MKL_Set_Num_Threads",
                           "flexiblas_set_num_threads", "omp_set_num_threads"}) {
    if (auto* set = find_function<void(int)>(name)) set(threads);
  }
  // Its integers have the width of a pointer, unless it was built otherwise.
  if (auto* blis = find_function<void(std::ptrdiff_t)>("bli_thread_set_num_threads")) blis(threads);
}

}  // namespace kronwerk::factors
