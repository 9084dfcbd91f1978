#include "kronwerk/io/hdf5/mode_ids.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "io/hdf5/external.hpp"
#include "io/hdf5/hdf5_input.hpp"

namespace kronwerk::io {

namespace {

// Null unless there is a list of that many strings.
ModeIdsPtr read_list(const FileHandle& file, const DatasetInfo& info, const std::string& suffix,
                     core::Index extent) {
  const Location list{info.location.file, normalised_path(info.location.dataset) + suffix,
                      info.location.external};
  const LinkAccess links(list);
  if (!object_exists(file, list.dataset, links.get())) return nullptr;
  const auto object = open_object(file, list);
  if (H5Iget_type(object.get()) != H5I_DATASET) return nullptr;
  const auto type = TypeHandle::adopt(H5Dget_type(object.get()));
  if (H5Tget_class(type.get()) != H5T_STRING) return nullptr;
  if (shape_of(object.get()) != core::Extents{extent}) return nullptr;
  return std::make_shared<const ModeIds>(
      ModeIds{info.location, list.dataset, read_all_strings(file, list)});
}

// Whether the ids are consecutive numbers and say no more than the position does.
bool only_count(const std::vector<std::string>& ids) {
  core::Index before = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    core::Index number = 0;
    const char* end = ids[i].data() + ids[i].size();
    const auto result = std::from_chars(ids[i].data(), end, number);
    if (result.ec != std::errc{} || result.ptr != end) return false;
    if (i > 0 && number != before + 1) return false;
    before = number;
  }
  return true;
}

}  // namespace

std::vector<ModeIdsPtr> find_mode_ids(const DatasetInfo& read) {
  DatasetInfo info = read;
  if (info.location.transposed) std::ranges::reverse(info.shape);
  const auto file = open_input(info.location.file);
  std::vector<ModeIdsPtr> found(info.shape.size());
  for (std::size_t k = 0; k < info.shape.size(); ++k) {
    // One list that fits several dimensions is one object.
    const auto same = std::find(info.shape.begin(),
                                info.shape.begin() + static_cast<std::ptrdiff_t>(k), info.shape[k]);
    const auto earlier = static_cast<std::size_t>(same - info.shape.begin());
    found[k] = earlier < k ? found[earlier] : read_list(file, info, "_ids", info.shape[k]);
  }
  const std::size_t count = std::min<std::size_t>(info.shape.size(), 2);
  for (std::size_t k = 0; k < count; ++k) {
    const char* suffix = k == 0 ? "_row_ids" : "_column_ids";
    if (auto own = read_list(file, info, suffix, info.shape[k])) found[k] = std::move(own);
  }
  for (std::size_t k = 0; k < info.shape.size(); ++k) {
    const std::string suffix = "_ids_" + std::to_string(k + 1);
    if (auto own = read_list(file, info, suffix, info.shape[k])) found[k] = std::move(own);
  }
  if (info.location.transposed) std::ranges::reverse(found);
  return found;
}

std::optional<IdConflict> find_conflict(const std::vector<std::string>& first,
                                        const std::vector<std::string>& second) {
  if (first == second || (only_count(first) && only_count(second))) return std::nullopt;
  std::unordered_map<std::string_view, core::Index> positions;
  for (std::size_t i = 0; i < first.size(); ++i) {
    positions.emplace(first[i], static_cast<core::Index>(i));
  }
  std::optional<IdConflict> conflict;
  core::Index shared = 0;
  for (std::size_t i = 0; i < second.size(); ++i) {
    const auto found = positions.find(second[i]);
    if (found == positions.end()) continue;
    ++shared;
    const auto position = static_cast<core::Index>(i);
    if (!conflict && found->second != position) {
      conflict = IdConflict{second[i], found->second, position, false};
    }
  }
  const auto all = static_cast<core::Index>(second.size());
  if (conflict) conflict->reordered = first.size() == second.size() && shared == all;
  return conflict;
}

}  // namespace kronwerk::io
