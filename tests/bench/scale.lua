-- SPDX-License-Identifier: Apache-2.0
--
-- A bucket of many objects that are nowhere: what it is asked it computes, in
-- nginx. `big/f0000000`… in one directory and `d00000/f00`…, a hundred in each
-- of the others, in the order of their keys. It takes what it is given, and
-- forgets it. The numbers come from scale_init().

local big, all

function scale_init(objects_of_big, directories)
	big, all = objects_of_big, objects_of_big + directories * 100
end

local function key(i)
	if i < big then
		return string.format('big/f%07d', i)
	end
	i = i - big
	return string.format('d%05d/f%02d', math.floor(i / 100), i % 100)
end

-- The first of them that is not before `text`.
local function first(text)
	local low, high = 0, all
	while low < high do
		local middle = math.floor((low + high) / 2)
		if key(middle) < text then
			low = middle + 1
		else
			high = middle
		end
	end
	return low
end

local function object(i)
	return '<Key>' .. key(i) .. '</Key>' ..
		'<LastModified>2026-01-01T00:00:00.000Z</LastModified>' ..
		'<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>' ..
		'<Size>4096</Size><StorageClass>STANDARD</StorageClass>'
end

local function list(args)
	local prefix, slash = args.prefix or '', args.delimiter
	local versions = args.versions ~= nil
	local most = math.min(tonumber(args['max-keys'] or 1000), 1000)
	local i, count, out = first(prefix), 0, {}
	local last = first(prefix .. '\255')
	local after = args['start-after'] or args['key-marker']
	local token = args['continuation-token']

	if token then
		i = tonumber(token)
	elseif after and after ~= '' then
		i = math.max(i, first(after .. '\0'))
	end
	while i < last and count < most do
		local at = slash and key(i):find(slash, #prefix + 1, true)
		if at then
			local common = key(i):sub(1, at)
			out[#out + 1] = '<CommonPrefixes><Prefix>' .. common ..
				'</Prefix></CommonPrefixes>'
			i = first(common .. '\255')
		elseif versions then
			out[#out + 1] = '<Version>' .. object(i) ..
				'<VersionId>v1</VersionId>' ..
				'<IsLatest>true</IsLatest></Version>'
			i = i + 1
		else
			out[#out + 1] = '<Contents>' .. object(i) ..
				'</Contents>'
			i = i + 1
		end
		count = count + 1
	end
	local name = versions and 'ListVersionsResult' or 'ListBucketResult'
	local more = ''
	if i < last and versions then
		more = '<NextKeyMarker>' .. key(i - 1) .. '</NextKeyMarker>' ..
			'<NextVersionIdMarker>v1</NextVersionIdMarker>'
	elseif i < last then
		more = '<NextContinuationToken>' .. i ..
			'</NextContinuationToken>'
	end
	return '<' .. name .. '><Prefix>' .. prefix .. '</Prefix>' ..
		'<KeyCount>' .. count .. '</KeyCount><IsTruncated>' ..
		tostring(i < last) .. '</IsTruncated>' .. more ..
		table.concat(out) .. '</' .. name .. '>'
end

local function answer(status, body)
	ngx.status = status
	ngx.header.content_type = 'application/xml'
	ngx.header.content_length = #body
	ngx.print(body)
end

local function missing(code)
	answer(404, '<Error><Code>' .. code .. '</Code></Error>')
end

local function found(i)
	ngx.header.content_length = 4096
	ngx.header.etag = '"d41d8cd98f00b204e9800998ecf8427e"'
	ngx.header.last_modified = 'Thu, 01 Jan 2026 00:00:00 GMT'
	ngx.header['x-amz-version-id'] = 'v1'
	if ngx.req.get_method() == 'GET' then
		ngx.print(string.rep('x', 4096))
	end
end

function scale_answer()
	local args, method = ngx.req.get_uri_args(), ngx.req.get_method()
	local path = ngx.var.uri:match('^/[^/]+/(.*)$') or ''
	if method == 'PUT' or method == 'POST' then
		ngx.req.read_body()
		ngx.header['x-amz-version-id'] = 'v1'
		ngx.header.etag = '"d41d8cd98f00b204e9800998ecf8427e"'
		return answer(200, '')
	elseif method == 'DELETE' then
		return answer(204, '')
	elseif path ~= '' then
		local i = first(path)
		if i < all and key(i) == path then
			return found(i)
		end
		return missing('NoSuchKey')
	elseif method == 'HEAD' then
		return answer(200, '')
	elseif args.versioning then
		return answer(200, '<VersioningConfiguration>' ..
			'<Status>Enabled</Status></VersioningConfiguration>')
	elseif args.location then
		return answer(200, '<LocationConstraint/>')
	elseif args['list-type'] or args.versions then
		return answer(200, list(args))
	end
	return missing('NoSuchConfiguration')
end
