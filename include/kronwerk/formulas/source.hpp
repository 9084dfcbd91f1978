#pragma once

#include <cstddef>
#include <string>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/source_location.hpp"

namespace kronwerk::formulas {

/// Bytes [begin, end) of a formula.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A formula's text and where it stands ("configs/x.yaml:7"), for messages.
struct Source {
  std::string text;
  std::string where;
};

/// The formula's text at `span`, shortened in the middle if long.
std::string excerpt(const Source& source, Span span);

/// "WHERE: WHAT", then the formula's line with a caret under `span`:
///
///   configs/x.yaml:7: the shapes do not conform in 'A + B': 3 x 3 and 4 x 4
///       kron(I - rho*W, A + B)
///                       ^~~~~
std::string caret_message(const Source& source, Span span, const std::string& what);

/// @throws ConfigurationError with caret_message(source, span, what)
[[noreturn]] void fail_at(const Source& source, Span span, const std::string& what,
                          core::SourceLocation where = core::SourceLocation::current());
/// For what is wrong only with the parameters' present values: where these are chosen by the
/// program, in sweeps, fits and samplers, others may do.
/// @throws DataError likewise
[[noreturn]] void fail_value_at(const Source& source, Span span, const std::string& what,
                                core::SourceLocation where = core::SourceLocation::current());

}  // namespace kronwerk::formulas
