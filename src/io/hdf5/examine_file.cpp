#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "io/hdf5/element_type.hpp"
#include "io/hdf5/external.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/numeric_dataset.hpp"
#include "io/hdf5/object_walk.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk::io {

namespace {

using Attributes = FileDescription::Attributes;
using Dataset = FileDescription::Dataset;
using Statistics = FileDescription::Statistics;

constexpr core::Index summarised_values = 1'000'000;
constexpr std::size_t shown_strings = 4;

herr_t collect_name(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

FileDescription::Value attribute_value(hid_t object, const std::string& name) {
  if (const auto text = string_attribute(object, name)) return *text;
  const auto attribute = AttributeHandle::adopt(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  const auto type = TypeHandle::adopt(H5Aget_type(attribute.get()));
  const auto space = SpaceHandle::adopt(H5Aget_space(attribute.get()));
  const auto count = H5Sget_simple_extent_npoints(space.get());
  const auto type_class = H5Tget_class(type.get());
  if (count < 1 || count > 16 || (type_class != H5T_FLOAT && type_class != H5T_INTEGER)) {
    return fmt::format("({} {} values)", count, type_name(type.get()));
  }
  std::vector<double> values(static_cast<std::size_t>(count));
  H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, values.data());
  return values;
}

Attributes attributes_of(hid_t object) {
  std::vector<std::string> names;
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &names);
  Attributes result;
  for (const auto& name : names) result.emplace_back(name, attribute_value(object, name));
  return result;
}

std::optional<Statistics> statistics_of(const NumericDataset& dataset) {
  const auto count = core::product(dataset.shape);
  if (count == 0 || count > summarised_values) return std::nullopt;
  std::vector<double> values(static_cast<std::size_t>(count));
  read_numbers(dataset, 0, values);
  Statistics result{std::numeric_limits<double>::infinity(),
                    -std::numeric_limits<double>::infinity(), 0, 0};
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++result.not_finite;
      continue;
    }
    result.least = std::min(result.least, value);
    result.greatest = std::max(result.greatest, value);
    sum += value;
  }
  result.mean = count == 1 ? values[0] : sum / static_cast<double>(count - result.not_finite);
  return result;
}

std::vector<std::string> first_strings(const FileHandle& file, const DatasetInfo& info) {
  const auto dataset = open_dataset(file, info.location);
  const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
  const auto most = summarised_values / static_cast<core::Index>(H5Tget_size(type.get()) / 8 + 1);
  if (info.shape.size() > 1 || info.stored > most) return {};
  auto strings = read_all_strings(file, info.location);
  if (strings.size() > shown_strings) strings.resize(shown_strings);
  return strings;
}

void examine(const FileHandle& file, const Location& location, Dataset& dataset) {
  const DatasetInfo& info = dataset.info = describe_object(file, location);
  if (info.sparse) return;
  if (info.type == "string") {
    dataset.strings = first_strings(file, info);
  } else if (is_numeric(file, info.location)) {
    dataset.statistics = statistics_of(examine_numeric(file, info.location));
  }
}

/// What cannot be described says why.
void examine_or_say(const FileHandle& file, const Location& location, Dataset& dataset) {
  try {
    examine(file, location, dataset);
  } catch (const core::Terminated&) {
    throw;
  } catch (const core::Error& error) {
    dataset.unread = fmt::format("cannot be described: {}", error.what());
  }
}

// A sparse matrix is one line; its members are not listed.
bool is_sparse_group(const FileHandle& file, const std::string& path) {
  if (path == "/") return false;
  const LinkAccess links({"", path});
  const auto has = [&](const char* name) { return object_exists(file, path + name, links.get()); };
  if (!has("/data")) return false;
  return (has("/indptr") && has("/indices")) || (has("/row") && has("/col")) ||
         (has("/jc") && has("/ir"));
}

}  // namespace

FileDescription examine_file(const std::string& name) {
  const auto file = open_input(name);
  const auto content = walk_objects(file);
  FileDescription found;
  found.file = name;
  std::string sparse_group;
  bool matlab = false;
  for (const auto& object : content.objects) {
    core::check_interruption();
    if (!sparse_group.empty() && object.path.starts_with(sparse_group + "/")) continue;
    const LinkAccess links({name, object.path});
    const auto handle = ObjectHandle::adopt(H5Oopen(file.get(), object.path.c_str(), links.get()));
    auto attributes = attributes_of(handle.get());
    const bool sparse = !object.dataset && is_sparse_group(file, object.path);
    if (object.dataset || sparse) {
      if (sparse) sparse_group = object.path;
      matlab = matlab || std::ranges::find(attributes, "MATLAB_class",
                                           &Attributes::value_type::first) != attributes.end();
      Dataset& dataset = found.datasets.emplace_back();
      dataset.path = object.path;
      if (object.dataset) dataset.unread = storage_text(handle.get());
      if (dataset.unread.empty()) {
        examine_or_say(file, {name, object.path}, dataset);
      } else {
        // Even the shape of a virtual dataset is found in its sources.
        dataset.unread = "not read: " + dataset.unread;
      }
      if (sparse) {
        std::erase_if(attributes, [](const auto& each) {
          return each.first == "shape" || each.first.starts_with("encoding-");
        });
      }
      dataset.attributes = std::move(attributes);
      continue;
    }
    const auto configuration =
        std::ranges::find(attributes, "configuration", &Attributes::value_type::first);
    if (object.path == "/" && configuration != attributes.end() &&
        std::holds_alternative<std::string>(configuration->second)) {
      found.configuration = std::get<std::string>(configuration->second);
      attributes.erase(configuration);
    }
    if (!attributes.empty()) found.groups.emplace_back(object.path, std::move(attributes));
  }
  for (const auto& link : content.external_links) {
    Dataset& dataset = found.datasets.emplace_back();
    dataset.path = link.path;
    dataset.unread = "not followed: external link to " + link.target;
  }
  found.bytes = static_cast<double>(std::filesystem::file_size(name));
  if (matlab) {
    found.notes.emplace_back(
        "Written by MATLAB, with the dimensions of every dataset in the opposite order: "
        "'transpose: true' beside a job's 'dataset' reads them as they are there.");
  }
  if (!content.left_out.empty()) found.notes.push_back(content.left_out);
  return found;
}

}  // namespace kronwerk::io
