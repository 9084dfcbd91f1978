// Declared in kronwerk/io/import/import.hpp.
#include <fmt/format.h>

#include "io/hdf5/hdf5_input.hpp"
#include "io/import/import_target.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

void note_missing(ImportSummary& summary, core::Index count) {
  if (count == 0) return;
  summary.notes.push_back(
      fmt::format("{} values are missing (NaN): 'missing: nan' in the observations of a job",
                  core::format_count(count)));
}

std::string to_text(const ImportSummary& summary) {
  std::string text =
      fmt::format("{}: {} {}, {} {}\n", name_of(summary.location), core::to_text(summary.shape),
                  summary.sparse ? "sparse matrix" : "values", core::format_count(summary.stored),
                  summary.sparse ? "stored entries" : "of them nonzero");
  if (summary.symmetric) {
    const core::Index one_way = summary.asymmetric_links.value_or(0);
    text += *summary.symmetric ? "  symmetric"
            : one_way == 0     ? "  symmetric links, values not symmetric"
                               : fmt::format("  not symmetric ({} links without the reverse)",
                                             core::format_count(one_way));
    text += fmt::format(", {} islands, {} components\n",
                        core::format_count(summary.islands.value_or(0)),
                        core::format_count(summary.components.value_or(0)));
  }
  for (const auto& note : summary.notes) text += "  " + note + "\n";
  text += "  written: " + core::join(summary.datasets, ", ") + "\n";
  return text;
}

}  // namespace kronwerk::io
