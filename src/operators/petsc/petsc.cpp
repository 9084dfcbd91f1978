#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

#include "kronwerk/operators/petsc/petsc_options.hpp"

namespace kronwerk::operators {
namespace {

/// Of the error that is on its way up; empty if the handler is another.
std::string& remembered_text() {
  static std::string text;
  return text;
}

/// What PETSc knows of the error beside its kind. The last argument of PetscErrorMessage() is a
/// char ** in some versions and a const char ** in others.
template <typename Code, typename Text>
std::string specific_text(PetscErrorCode (*message)(Code, const char**, Text**),
                          PetscErrorCode code) {
  Text* text = nullptr;
  message(code, nullptr, &text);
  return text != nullptr ? text : "";
}

std::string error_text(PetscErrorCode code) {
  const char* text = nullptr;
  PetscErrorMessage(code, &text, nullptr);
  std::string detail = std::exchange(remembered_text(), "");
  if (detail.empty()) detail = specific_text(&PetscErrorMessage, code);
  while (!detail.empty() && detail.back() == '\n') detail.pop_back();
  return fmt::format("{}{}{}", text != nullptr ? text : "", detail.empty() ? "" : ": ", detail);
}

}  // namespace

void check_petsc(PetscErrorCode code, core::SourceLocation where) {
  if (code == 0) return;
  const std::string message = "PETSc failed: " + error_text(code);
  if (code == PETSC_ERR_MEM) throw core::ResourceError(message, where);
  throw core::PetscError(message, where);
}

void check_petsc_options(PetscErrorCode code, core::SourceLocation where) {
  const std::string options = code == 0 ? "" : options_text({"-"});
  if (options.empty() || code == PETSC_ERR_MEM) return check_petsc(code, where);
  throw core::ConfigurationError(
      fmt::format("PETSc cannot do what its options '{}' ask for: {}", options, error_text(code)),
      where);
}

PetscErrorCode remember_petsc_error(MPI_Comm /*comm*/, int /*line*/, const char* /*function*/,
                                    const char* /*file*/, PetscErrorCode code, PetscErrorType type,
                                    const char* message, void* /*context*/) {
  if (type == PETSC_ERROR_INITIAL) remembered_text() = message != nullptr ? message : "";
  return code;
}

std::string options_text(std::initializer_list<const char*> beginnings) {
  char* all = nullptr;
  check_petsc(PetscOptionsGetAll(nullptr, &all));
  std::istringstream words(all != nullptr ? all : "");
  check_petsc(PetscFree(all));
  std::string text;
  bool wanted = false;
  for (std::string word; words >> word;) {
    if (word.size() > 1 && word[0] == '-' &&
        std::isalpha(static_cast<unsigned char>(word[1])) != 0) {
      wanted = word != "-skip_petscrc" && word != gemv_option &&
               std::any_of(beginnings.begin(), beginnings.end(),
                           [&](const char* start) { return word.starts_with(start); });
    }
    if (wanted) text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

}  // namespace kronwerk::operators
