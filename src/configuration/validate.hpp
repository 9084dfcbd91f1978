#pragma once

#include <optional>
#include <string>

#include "configuration/tree.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::configuration {

/// Checks every key and value of the tree against the schema.
/// @throws ConfigurationError with file, line and column
void validate(const Tree& tree, const std::string& file);

/// The number that a plain scalar spells, as YAML 1.2 does.
std::optional<double> to_number(const Tree& scalar);
std::optional<core::Index> to_integer(const Tree& scalar);
std::optional<bool> to_boolean(const Tree& scalar);

}  // namespace kronwerk::configuration
