"""Exports in the shape of the dashboards, with made-up numbers of 28 and 29 September 2026."""

from __future__ import annotations

import io
from typing import IO

OPENAI_USAGE = """\
start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,\
model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens
1790553600,1790640000,2026-09-28T00:00:00+00:00,2026-09-29T00:00:00+00:00,proj_a,2,,key_1,\
gpt-4o-2024-08-06,False,default,900,100,400,500
1790553600,1790640000,2026-09-28T00:00:00+00:00,2026-09-29T00:00:00+00:00,proj_b,1,,key_2,\
gpt-4o-2024-08-06,False,default,400,100,0,400
1790640000,1790726400,2026-09-29T00:00:00+00:00,2026-09-30T00:00:00+00:00,,,,,,,,,,,
1790640000,1790726400,2026-09-29T00:00:00+00:00,2026-09-30T00:00:00+00:00,proj_a,5,,key_1,\
gpt-4o-mini-2024-07-18,False,default,50,25,0,50
"""
OPENAI_COST = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,\
quantity_unit,line_item,user_id,api_key_id,project_id,organization_id,project_name
1790553600,1790640000,2026-09-28T00:00:00,2026-09-29T00:00:00,1.2000000000000000,usd,900,tokens,\
"gpt-4o-2024-08-06, input",,,proj_a,org-1,A
1790553600,1790640000,2026-09-28T00:00:00,2026-09-29T00:00:00,0.30000000000000004,usd,100,tokens,\
"gpt-4o-2024-08-06, output",,,proj_a,org-1,A
1790640000,1790726400,2026-09-29T00:00:00,2026-09-30T00:00:00,,,,,,,,,,
"""
ANTHROPIC_USAGE = """\
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,\
usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,\
usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed
2026-09-28,claude-haiku-4-5-20251001,ci,Default,standard,≤ 200k,100,20,5,300,40,0,global,
2026-09-28,claude-haiku-4-5-20251001,web,Default,standard,≤ 200k,10,0,0,0,25,0,global,
"""
ANTHROPIC_COST = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,\
list_price_usd,cost_type,inference_geo,speed
2026-09-28,Claude Haiku 4.5,Default,ci,message,≤ 200k,input_no_cache,0.05,0.05,token,global,
2026-09-28,Claude Haiku 4.5,Default,ci,message,≤ 200k,output,0.02,0.02,token,global,
"""
SPREADSHEET = """\
Date;Model;Requests;Input tokens;Output tokens;Cost (USD);Note
9/28/2026;gpt-4o;3;1.300;200;"$1.234,50";=HYPERLINK("https://example.com")
"""


def as_file(text: str, encoding: str = "utf-8") -> IO[bytes]:
    """A file as it is uploaded."""
    return io.BytesIO(text.encode(encoding))
