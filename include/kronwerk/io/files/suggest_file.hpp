#pragma once

#include <string>

namespace kronwerk::io {

/// Of a file that is not there: " (did you mean 'data.h5'?)" from the names beside it, that its
/// directory is not there either, or "". Local.
std::string suggest_file(const std::string& file);

}  // namespace kronwerk::io
