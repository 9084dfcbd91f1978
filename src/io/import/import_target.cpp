#include "io/import/import_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/io/files/same_file.hpp"

namespace kronwerk::io {

void refuse_target_among(const ImportTarget& target, std::initializer_list<std::string> files) {
  const auto& output = target.location.file;
  for (const auto& file : files) {
    if (file.empty() || !same_file(output, file)) continue;
    throw core::ConfigurationError(fmt::format(
        "--to {}: is the file {} that is read; writing it would destroy it, so choose another name",
        output, file));
  }
}

core::Index nonzeros(std::span<const double> values) {
  return std::ranges::count_if(values,
                               [](double value) { return value != 0.0 && !std::isnan(value); });
}

}  // namespace kronwerk::io
