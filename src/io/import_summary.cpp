#include <fmt/format.h>

#include "io/hdf5_input.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/import.hpp"

namespace kronwerk::io {

std::string to_text(const ImportSummary& summary) {
  std::string text =
      fmt::format("{}: {} {}, {} {}\n", name_of(summary.location), core::to_text(summary.shape),
                  summary.sparse ? "sparse matrix" : "values", core::format_count(summary.stored),
                  summary.sparse ? "stored entries" : "of them nonzero");
  if (summary.symmetric) {
    text += fmt::format("  {}", *summary.symmetric ? "symmetric" : "not symmetric");
    if (summary.asymmetric_links.value_or(0) > 0) {
      text += fmt::format(" ({} links without the reverse)",
                          core::format_count(*summary.asymmetric_links));
    }
    text += fmt::format(", {} islands, {} components\n",
                        core::format_count(summary.islands.value_or(0)),
                        core::format_count(summary.components.value_or(0)));
  }
  for (const auto& note : summary.notes) text += "  " + note + "\n";
  text += "  written: " + core::join(summary.datasets, ", ") + "\n";
  return text;
}

}  // namespace kronwerk::io
