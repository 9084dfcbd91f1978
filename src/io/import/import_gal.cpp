// Declared in kronwerk/io/import/import.hpp.
// GAL: `0 n NAME IDVAR` (or `n`), then for each region a line `id k` and a line with its k
// neighbours' ids, which is empty for k = 0 and which some writers then leave out.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/import/weights.hpp"
#include "io/text/line_reader.hpp"

namespace kronwerk::io {

namespace {

struct Link {
  std::size_t region;
  std::string neighbour;
  core::Index line;
};

struct Contiguity {
  std::vector<std::string> ids;
  std::vector<Link> links;
};

core::Index read_header(LineReader& reader) {
  const auto header = words(reader.next());
  if (header.size() == 1) {
    return parse_integer(header[0], reader.file(), reader.line(), "the number of regions");
  }
  if (header.size() >= 2 && header[0] == "0") {
    return parse_integer(header[1], reader.file(), reader.line(), "the number of regions");
  }
  reader.fail("expected a GAL header: '0 n NAME IDVAR' or 'n'");
}

void read_neighbours(LineReader& reader, std::size_t region, const std::string& id,
                     core::Index count, Contiguity& result) {
  if (count == 0) {
    if (!reader.at_end() && words(reader.peek()).empty()) reader.next();
    return;
  }
  if (reader.at_end()) reader.fail(fmt::format("ends before the neighbours of '{}'", id));
  auto neighbours = words(reader.next());
  if (static_cast<core::Index>(neighbours.size()) != count) {
    reader.fail(fmt::format("lists {} neighbours; line {} announces {} for '{}'", neighbours.size(),
                            reader.line() - 1, count, id));
  }
  for (const auto neighbour : neighbours) {
    if (neighbour == id) reader.fail(fmt::format("'{}' is its own neighbour", id));
    result.links.push_back({region, std::string(neighbour), reader.line()});
  }
  std::sort(neighbours.begin(), neighbours.end());
  const auto twice = std::adjacent_find(neighbours.begin(), neighbours.end());
  if (twice != neighbours.end()) {
    reader.fail(fmt::format("lists the neighbour '{}' twice", *twice));
  }
}

Contiguity read_contiguity(const std::string& file) {
  LineReader reader(file);
  const core::Index expected = read_header(reader);
  Contiguity result;
  std::unordered_map<std::string, core::Index> seen;
  while (!reader.at_end()) {
    const auto region = words(reader.next());
    if (region.empty()) continue;
    if (region.size() != 2) {
      reader.fail(
          fmt::format("has {} words; expected an id and its number of neighbours", region.size()));
    }
    const std::string id(region[0]);
    const auto count =
        parse_integer(region[1], reader.file(), reader.line(), "the number of neighbours");
    if (count < 0) reader.fail(fmt::format("the number of neighbours is {}", count));
    const auto [other, added] = seen.emplace(id, reader.line());
    if (!added) {
      reader.fail(fmt::format("the id '{}' appears already in line {}", id, other->second));
    }
    result.ids.push_back(id);
    read_neighbours(reader, result.ids.size() - 1, id, count, result);
  }
  if (static_cast<core::Index>(result.ids.size()) != expected) {
    reader.fail(fmt::format("the file ends after {} regions; its header announces {}",
                            result.ids.size(), expected));
  }
  return result;
}

}  // namespace

ImportSummary import_gal(const GalOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  auto contiguity = read_contiguity(options.file);
  const bool ordered = !options.order.file.empty();
  IdIndex ids(contiguity.ids);
  if (ordered) {
    permutation(options.order, contiguity.ids, options.file);
    ids = IdIndex(read_order(options.order, [&](const auto& id) { return ids.contains(id); }));
  }
  std::vector<Entry> entries;
  entries.reserve(contiguity.links.size());
  for (const auto& link : contiguity.links) {
    entries.push_back({ids.position(contiguity.ids[link.region], options.file, link.line),
                       ids.position(link.neighbour, options.file, link.line), 1.0, link.line});
  }
  sort_entries(entries, options.file, ids.ids());
  const auto matrix =
      with_options({ids.size(), ids.size(), std::move(entries)}, options.weights, ids.ids());
  const auto source =
      fmt::format("gal {}{}", std::filesystem::path(options.file).filename().string(),
                  to_text(options.weights));
  return store_weights(options.target, matrix, ids.ids(), source);
}

}  // namespace kronwerk::io
