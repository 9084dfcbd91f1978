#include "application/session/petsc_options.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string_view>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::application {
namespace {

/// What our use of PETSc can ask for and users are likely to mean; for suggestions alone.
const std::vector<std::string>& known_options() {
  static const std::vector<std::string> names = {
      "-ksp_type",
      "-ksp_rtol",
      "-ksp_atol",
      "-ksp_divtol",
      "-ksp_max_it",
      "-ksp_norm_type",
      "-ksp_pc_side",
      "-ksp_monitor",
      "-ksp_monitor_true_residual",
      "-ksp_monitor_singular_value",
      "-ksp_view",
      "-ksp_view_eigenvalues",
      "-ksp_converged_reason",
      "-ksp_error_if_not_converged",
      "-ksp_compute_singularvalues",
      "-ksp_gmres_restart",
      "-ksp_gmres_modifiedgramschmidt",
      "-ksp_gmres_cgs_refinement_type",
      "-ksp_lgmres_augment",
      "-ksp_gcr_restart",
      "-ksp_bcgsl_ell",
      "-ksp_chebyshev_eigenvalues",
      "-ksp_richardson_scale",
      "-pc_type",
      "-tao_type",
      "-tao_monitor",
      "-tao_view",
      "-tao_gatol",
      "-tao_grtol",
      "-tao_gttol",
      "-tao_max_it",
      "-tao_max_funcs",
      "-tao_converged_reason",
      "-log_view",
      "-log_trace",
      "-options_left",
      "-options_view",
      "-malloc_debug",
      "-malloc_view",
      "-memory_view",
      "-info",
  };
  return names;
}

/// PETSc asks for these when it ends.
bool asked_for_at_the_end(const std::string& name) {
  constexpr std::array<std::string_view, 8> beginnings = {
      "-options_", "-log_", "-malloc", "-memory_", "-objects_", "-info", "-citations", "-petsc"};
  return std::ranges::any_of(beginnings,
                             [&](std::string_view start) { return name.starts_with(start); });
}

bool is_name(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         std::isalpha(static_cast<unsigned char>(word[1])) != 0;
}

std::string describe(const std::string& name) {
  const auto& known = known_options();
  const std::string what = fmt::format("PETSc's option '{}' was of no use", name);
  if (std::ranges::find(known, name) == known.end()) {
    return fmt::format("{}: nothing in this job asked for an option of this name{}", what,
                       core::suggestion(name, known));
  }
  if (name.starts_with("-tao_")) return what + ": this job has nothing to fit";
  return what +
         ": this job did not iterate by PETSc's solvers; the method in the report says what it did "
         "('solver.method: krylov' asks for an iteration where there is a choice)";
}

}  // namespace

std::vector<std::string> split_options(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void check_option_words(const std::vector<std::string>& words) {
  bool value_allowed = false;
  for (const std::string& word : words) {
    const bool name = is_name(word);
    if (!name && !value_allowed) {
      throw core::ConfigurationError(fmt::format(
          "PETSc's options: '{}' follows no option that it could be the value of; the names of "
          "options begin with '-', as in '-ksp_type minres'",
          word));
    }
    value_allowed = name;
  }
}

std::vector<std::string> describe_unused_options() {
  PetscInt count = 0;
  char** names = nullptr;
  char** values = nullptr;
  operators::check_petsc(PetscOptionsLeftGet(nullptr, &count, &names, &values));
  std::vector<std::string> messages;
  for (PetscInt i = 0; i < count; ++i) {
    const std::string name = fmt::format("-{}", names[i]);
    if (!asked_for_at_the_end(name)) messages.push_back(describe(name));
  }
  operators::check_petsc(PetscOptionsLeftRestore(nullptr, &count, &names, &values));
  return messages;
}

}  // namespace kronwerk::application
