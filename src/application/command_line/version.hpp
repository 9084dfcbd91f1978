#pragma once

#include <string>

namespace kronwerk::application {

/// "0.1.0".
std::string version();
/// The commit that was built, or "unknown" outside a git checkout.
std::string git_commit();
/// "kronwerk 0.1.0 (commit 1234abc)".
std::string version_text();

}  // namespace kronwerk::application
